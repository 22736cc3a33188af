//! What carriers do, in the log.

use tracing::{debug, info, warn};

use crate::event::dispatch::{Dispatch, Step, Told, Witness};
use crate::message::Channel;
use crate::name::Name;

/// Writes every step down, one line each, with nothing of the message in it but the masked number (A9).
#[derive(Debug, Default)]
pub struct Carriers;

impl Witness for Carriers {
    fn saw(&self, dispatch: &Dispatch<'_>) {
        let Dispatch {
            id,
            to,
            channel,
            step,
        } = dispatch;
        match step {
            Step::LeftOut { carrier, why } => {
                info!(carrier = %carrier, %id, %to, %channel, why, "carrier left out");
            }
            Step::Asked { carrier, again, .. } => {
                debug!(carrier = %carrier, %id, %to, %channel, again, "carrier asked");
            }
            Step::Taken {
                carrier,
                vendor_id,
                segments,
                ..
            } => {
                info!(carrier = %carrier, %id, %to, %channel, vendor_id, segments, "sent");
            }
            Step::Failed {
                carrier,
                class,
                reason,
                ..
            } => {
                warn!(carrier = %carrier, %id, %to, %channel, class, reason, "not sent");
            }
            Step::Unsent { class, reason } => {
                warn!(%id, %to, %channel, class, reason, "no carrier took it");
            }
        }
    }

    fn heard(&self, told: &Told<'_>) {
        let Told {
            carrier,
            channel,
            state,
            code,
            ..
        } = told;
        info!(carrier = %carrier, %channel, state, code, "receipt");
    }

    fn rests(&self, carrier: &Name, rests: bool) {
        if rests {
            warn!(carrier = %carrier, "carrier left out for a while: it fails again and again");
        } else {
            info!(carrier = %carrier, "carrier works again");
        }
    }

    fn conversion(&self, carrier: &Name, channel: Channel, percent: u8) {
        warn!(carrier = %carrier, %channel, percent, "few codes of this carrier are entered: do its messages arrive?");
    }
}
