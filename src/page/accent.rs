//! A site's own colour, made safe to look at: what stands on it, and what it stands on, keep their contrast.

use std::fmt;

/// The card in the style's two themes; `style.css` has the same values.
const CARD: [Colour; 2] = [Colour([0xff, 0xff, 0xff]), Colour([0x19, 0x1c, 0x22])];
/// The text on those cards.
const INK: [Colour; 2] = [Colour([0x16, 0x18, 0x1d]), Colour([0xec, 0xee, 0xf2])];
const BLACK: Colour = Colour([0, 0, 0]);
const WHITE: Colour = Colour([0xff, 0xff, 0xff]);
/// The least contrast of a control's edge to what is around it (WCAG 2.2, 1.4.11).
const EDGE: f64 = 3.0;

/// An sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Colour([u8; 3]);

/// The style block that puts `accent` (`#rrggbb`) in place of the built-in colour; `None` if it is no colour.
///
/// The colour fills the main button in both themes, with black or white words on it, whichever has more contrast: never
/// under 4.5, since no colour is near both. Where it would vanish into the card, edges are drawn in the colour of text.
pub(super) fn style(accent: &str) -> Option<String> {
    let accent = Colour::parse(accent)?;
    let on = if accent.contrast(BLACK) > accent.contrast(WHITE) {
        BLACK
    } else {
        WHITE
    };
    let [light, dark] = [0, 1].map(|theme| {
        if accent.contrast(CARD[theme]) < EDGE {
            INK[theme]
        } else {
            accent
        }
    });
    Some(format!(
        ":root{{--accent:{accent};--on:{on};--edge:{light}}}@media(prefers-color-scheme:dark){{:root{{--accent:{accent};--on:{on};--edge:{dark}}}}}"
    ))
}

impl Colour {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self([r, g, b]))
    }

    /// WCAG 2.2, "contrast ratio": 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// WCAG 2.2, "relative luminance": 0 to 1.
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        let [r, g, b] = self.0.map(linear);
        0.0722f64.mul_add(b, 0.2126f64.mul_add(r, 0.7152 * g))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_as_wcag_counts_it() {
        assert!((BLACK.contrast(WHITE) - 21.0).abs() < 1e-9);
        assert!((Colour([0x76, 0x76, 0x76]).contrast(WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn words_on_any_accent_can_be_read() {
        let steps = || (0..=255).step_by(15);
        for r in steps() {
            for g in steps() {
                for b in steps() {
                    let accent = Colour([r, g, b]);
                    assert!(
                        accent.contrast(BLACK).max(accent.contrast(WHITE)) >= 4.5,
                        "{accent}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_accent_like_the_card_gets_edges_like_text() {
        let style = |accent| style(accent).unwrap();
        assert_eq!(
            style("#0B5FFF"),
            ":root{--accent:#0b5fff;--on:#ffffff;--edge:#0b5fff}@media(prefers-color-scheme:dark){:root{--accent:#0b5fff;--on:#ffffff;--edge:#0b5fff}}"
        );
        assert!(
            style("#ffff00").contains("--on:#000000;--edge:#16181d}"),
            "yellow is too light for the light card"
        );
        assert!(
            style("#ffff00").contains("--on:#000000;--edge:#ffff00}"),
            "and good on the dark one"
        );
        assert!(
            style("#101010").contains("--on:#ffffff;--edge:#eceef2}"),
            "black is too dark for the dark card"
        );
    }

    #[test]
    fn what_is_no_colour_makes_no_style() {
        for bad in [
            "",
            "#",
            "0b5fff",
            "#0b5ff",
            "#0b5fff0",
            "#0b5ffg",
            "#+b5fff",
            "red",
            "#0b5fff;}",
            "</style>",
        ] {
            assert_eq!(style(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_cards_are_those_of_the_style() {
        let css = include_str!("style.css");
        for (theme, [card, ink]) in css
            .split("@media (prefers-color-scheme: dark)")
            .zip([[CARD[0], INK[0]], [CARD[1], INK[1]]])
        {
            let card = if card == WHITE {
                "#fff".to_owned()
            } else {
                card.to_string()
            };
            assert!(
                theme.contains(&format!("--card: {card};"))
                    && theme.contains(&format!("--ink: {ink};"))
            );
        }
        for (ground, words) in [
            ("#ffffff", "#565c69"),
            ("#f3f4f7", "#565c69"),
            ("#fdf1f1", "#b3141f"),
            ("#ffffff", "#b3141f"),
            ("#0f1115", "#a9b0bd"),
            ("#191c22", "#a9b0bd"),
            ("#2b1b1e", "#ff9a98"),
            ("#2447d8", "#ffffff"),
            ("#9db4ff", "#0d1020"),
        ] {
            let [ground, words] = [ground, words].map(|colour| Colour::parse(colour).unwrap());
            assert!(ground.contrast(words) >= 4.5, "{words} on {ground}");
        }
        for (ground, edge) in [
            ("#ffffff", "#868d9b"),
            ("#191c22", "#747c8b"),
            ("#ffffff", "#2447d8"),
            ("#191c22", "#9db4ff"),
        ] {
            let [ground, edge] = [ground, edge].map(|colour| Colour::parse(colour).unwrap());
            assert!(ground.contrast(edge) >= EDGE, "{edge} on {ground}");
        }
    }
}
