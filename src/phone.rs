//! A telephone number that can be dialled, and which of them are sent to.
//!
//! Form and policy are two questions: `+18005550100` is a number, so it may be a sender, but no destination. The form
//! is asked once, when text becomes a [`Phone`]; the policy is asked by whoever sends.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// A number in E.164: `+`, country code, at most 15 digits; of country code 1, one that the North American plan allows.
///
/// It prints itself masked (`+1••••43`); [`Phone::e164`] is the one way to the whole.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// Takes a number as it must stand in a file: `+12025550143`, nothing between the digits.
    ///
    /// # Errors
    /// [`NotAPhone`] says what is wrong. Its text may hold the number: it is for the person who wrote it, not for logs.
    pub fn parse(text: &str) -> Result<Self, NotAPhone> {
        let strict = text
            .strip_prefix('+')
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
        let phone = Self::typed(text)?;
        if strict {
            Ok(phone)
        } else {
            Err(NotAPhone::Spelling { right: phone })
        }
    }

    /// Takes a number as people type it: blanks, dashes, dots, slashes and parentheses are dropped, full-width digits
    /// and signs are read, ten digits (or eleven that begin with 1) without `+` are a number of country code 1.
    ///
    /// # Errors
    /// [`NotAPhone`], as for [`Phone::parse`].
    pub fn typed(text: &str) -> Result<Self, NotAPhone> {
        if text.len() > LONGEST_TYPED {
            return Err(NotAPhone::Length);
        }
        let plain: String = text.nfkc().filter(|&c| !is_dressing(c)).collect();
        let (international, digits) = match plain.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, plain.as_str()),
        };
        if let Some(odd) = digits.chars().find(|c| !c.is_ascii_digit()) {
            return Err(NotAPhone::Character(odd));
        }
        let digits = match (international, digits.len()) {
            (false, 0) => return Err(NotAPhone::Empty),
            (true, _) => digits.to_owned(),
            (false, 10) if !digits.starts_with(['0', '1']) => format!("1{digits}"),
            (false, 11) if digits.starts_with('1') => digits.to_owned(),
            (false, _) => return Err(NotAPhone::CountryCode),
        };
        if digits.starts_with('0') {
            return Err(NotAPhone::LeadingZero);
        }
        if let Some(national) = digits.strip_prefix('1') {
            north_american(national)?;
        } else if !(8..=15).contains(&digits.len()) {
            return Err(NotAPhone::Length);
        }
        Ok(Self(format!("+{digits}")))
    }

    /// The whole number, for the carrier that dials it.
    #[must_use]
    pub fn e164(&self) -> &str {
        &self.0
    }

    /// The last two digits: as much as a page may show.
    #[must_use]
    pub fn ending(&self) -> &str {
        &self.0[self.0.len() - 2..]
    }

    /// The country by ISO 3166-1 alpha-2, if the number's prefix is known; `None` too for country code 1's numbers that
    /// belong to no place (toll-free and the like).
    #[must_use]
    pub fn country(&self) -> Option<&'static str> {
        if self
            .0
            .strip_prefix("+1")
            .is_some_and(|national| placeless(&national[..3]))
        {
            return None;
        }
        let entries = PREFIXES
            .split_ascii_whitespace()
            .filter_map(|entry| entry.split_once(':'));
        let of_this = entries.filter(|(prefix, _)| self.0[1..].starts_with(prefix));
        let (_, country) = of_this.max_by_key(|(prefix, _)| prefix.len())?;
        (country != NOWHERE).then_some(country)
    }

    /// Why nothing is sent to this number under `policy`; `None` if it may be sent to.
    #[must_use]
    pub fn refusal(&self, policy: &Policy) -> Option<Undeliverable> {
        if let Some(refusal) = self
            .0
            .strip_prefix("+1")
            .and_then(|national| service(national, policy))
        {
            return Some(refusal);
        }
        let Some(country) = self.country() else {
            return Some(Undeliverable::UnknownPrefix);
        };
        let listed = |code: &str| policy.countries.iter().any(|listed| listed == code);
        let allowed = listed(country) || (TERRITORIES.contains(&country) && listed("US"));
        if allowed {
            None
        } else {
            Some(Undeliverable::Country(country))
        }
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "+{}••••{}",
            &self.0[1..=calling_code(&self.0[1..])],
            self.ending()
        )
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is wrong with a text that should be a number.
///
/// For whoever wrote it: [`NotAPhone::Spelling`] shows the whole number, so none of this belongs in a log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotAPhone {
    /// Nothing is there.
    #[error("a phone number is missing")]
    Empty,
    /// A number, but dressed up, or without its country code.
    #[error("write \"{}\"", right.0)]
    Spelling {
        /// The same number as it must be written.
        right: Phone,
    },
    /// No `+`, and not ten digits either.
    #[error("a phone number begins with + and the country code, as in \"+12025550143\"")]
    CountryCode,
    /// Something that is no digit.
    #[error("a phone number has digits only after the +, not {0:?}")]
    Character(char),
    /// `+0…`: no country code begins so (E.164 section 6).
    #[error("no country code begins with 0")]
    LeadingZero,
    /// Fewer than 8 digits or more than 15 (E.164 section 6; nobody has fewer than 8).
    #[error("a phone number has 8 to 15 digits with its country code")]
    Length,
    /// `+1` and not ten digits.
    #[error("a number of country code 1 has ten digits after +1")]
    TenDigits,
    /// `+1` and three digits that are no area code.
    #[error("{0} is no area code of country code 1")]
    AreaCode(String),
    /// `+1`, an area code, and three digits that are no exchange.
    #[error("no number has {0} after the area code")]
    Exchange(String),
}

/// Who is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Countries by ISO 3166-1 alpha-2, upper case. `US` brings its territories with it.
    pub countries: Vec<String>,
    /// Whether 555-0100 to 555-0199, which nobody has, are sent to: for trials.
    pub fictional: bool,
}

/// Why nothing is sent to a number that can be dialled.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Undeliverable {
    /// Area code 900, or exchange 976: whoever is called earns on it.
    #[error("a premium number")]
    Premium,
    /// An 800 number: fit to send from, not to.
    #[error("a toll-free number")]
    TollFree,
    /// An area code that belongs to no place: personal numbers, 700, 710, and those kept for later.
    #[error("an area code that belongs to no place")]
    Service,
    /// 555-1212, the directory.
    #[error("directory assistance")]
    Directory,
    /// 555-0100 to 555-0199.
    #[error("a number kept for fiction")]
    Fictional,
    /// The country is not among those that are sent to.
    #[error("{0} is not among the countries that are sent to")]
    Country(&'static str),
    /// The country cannot be told from the prefix.
    #[error("the country is not known")]
    UnknownPrefix,
}

/// Checks area code and exchange: NANP, `NPA NXX XXXX` with N in 2-9, no N11, and the codes kept for expansion.
fn north_american(national: &str) -> Result<(), NotAPhone> {
    if national.len() != 10 {
        return Err(NotAPhone::TenDigits);
    }
    let (area, exchange) = (&national[..3], &national[3..6]);
    let kept = area.as_bytes()[1] == b'9' || area.starts_with("37") || area.starts_with("96");
    if area.starts_with(['0', '1']) || area.ends_with("11") || kept {
        return Err(NotAPhone::AreaCode(area.to_owned()));
    }
    // Area codes that belong to no place do have exchanges like 800-911; nothing is sent to those anyway.
    if exchange.starts_with(['0', '1']) || (exchange.ends_with("11") && !placeless(area)) {
        return Err(NotAPhone::Exchange(exchange.to_owned()));
    }
    Ok(())
}

/// What the ten digits after `+1` are, if they are not somebody's ordinary number.
fn service(national: &str, policy: &Policy) -> Option<Undeliverable> {
    let (area, exchange, line) = (&national[..3], &national[3..6], &national[6..]);
    match (area, exchange, line) {
        ("900", _, _) | (_, "976", _) => Some(Undeliverable::Premium),
        _ if TOLL_FREE.contains(&area) => Some(Undeliverable::TollFree),
        _ if placeless(area) => Some(Undeliverable::Service),
        (_, "555", "1212") => Some(Undeliverable::Directory),
        (_, "555", line) if line.starts_with("01") && !policy.fictional => {
            Some(Undeliverable::Fictional)
        }
        _ => None,
    }
}

/// Whether an area code is a service: a second digit equal to the third is kept for those by the plan; the rest are
/// personal numbers beside them (52X but for 520, which is Arizona; 532), and 710, the government's.
fn placeless(area: &str) -> bool {
    let digits = area.as_bytes();
    let personal = area.starts_with("52") && area != "520" || area == "532";
    digits[1] == digits[2] || personal || area == "710" || TOLL_FREE.contains(&area)
}

/// Toll-free area codes, and those kept to become so.
const TOLL_FREE: [&str; 17] = [
    "800", "833", "844", "855", "866", "877", "888", "822", "880", "881", "882", "883", "884",
    "885", "886", "887", "889",
];

/// Territories that `US` brings with it: the same carriers, the same price.
const TERRITORIES: [&str; 5] = ["PR", "VI", "GU", "MP", "AS"];

/// No number is typed in more bytes than this, however it is dressed up.
const LONGEST_TYPED: usize = 128;

/// What people put between digits, and the marks that travel along when a number is copied.
fn is_dressing(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '-' | '.' | '(' | ')' | '/')
        || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ad}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}')
}

/// How many digits the country code of `digits` has: those of E.164's list are free of each other's prefixes.
fn calling_code(digits: &str) -> usize {
    match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    }
}

/// In [`PREFIXES`], a prefix that belongs to no country.
const NOWHERE: &str = "-";

/// Prefix and country; the longest that fits decides. Country code 1 by area code (libphonenumber 9.0.43), the others
/// as ITU lists them. A prefix that is not here is not sent to.
const PREFIXES: &str = "
1:US
1204:CA 1226:CA 1236:CA 1249:CA 1250:CA 1257:CA 1263:CA 1273:CA 1289:CA 1306:CA 1343:CA 1354:CA 1365:CA 1367:CA
1368:CA 1382:CA 1403:CA 1416:CA 1418:CA 1428:CA 1431:CA 1437:CA 1438:CA 1450:CA 1468:CA 1474:CA 1506:CA 1514:CA
1519:CA 1548:CA 1579:CA 1581:CA 1584:CA 1587:CA 1604:CA 1613:CA 1639:CA 1647:CA 1672:CA 1683:CA 1705:CA 1709:CA
1742:CA 1753:CA 1778:CA 1780:CA 1782:CA 1807:CA 1819:CA 1825:CA 1867:CA 1873:CA 1879:CA 1902:CA 1905:CA 1942:CA
1787:PR 1939:PR 1340:VI 1671:GU 1670:MP 1684:AS
1268:AG 1264:AI 1246:BB 1441:BM 1242:BS 1767:DM 1809:DO 1829:DO 1849:DO 1473:GD 1658:JM 1876:JM 1869:KN 1345:KY
1758:LC 1664:MS 1721:SX 1649:TC 1868:TT 1784:VC 1284:VG
7:RU 76:KZ 77:KZ 20:EG 27:ZA 30:GR 31:NL 32:BE 33:FR 34:ES 36:HU 39:IT 3906698:VA 40:RO 41:CH 43:AT
44:GB 4470:- 441481:GG 447781:GG 441534:JE 447797:JE 441624:IM 447624:IM
45:DK 46:SE 47:NO 4779:SJ 48:PL 49:DE 51:PE 52:MX 53:CU 54:AR 55:BR 56:CL 57:CO 58:VE 60:MY
61:AU 6189162:CC 6189164:CX 62:ID 63:PH 64:NZ 65:SG 66:TH 81:JP 82:KR 84:VN 86:CN 90:TR 91:IN 92:PK 93:AF 94:LK
95:MM 98:IR
211:SS 212:MA 2125288:EH 2125289:EH 213:DZ 216:TN 218:LY 220:GM 221:SN 222:MR 223:ML 224:GN 225:CI 226:BF 227:NE
228:TG 229:BJ 230:MU 231:LR 232:SL 233:GH 234:NG 235:TD 236:CF 237:CM 238:CV 239:ST 240:GQ 241:GA 242:CG 243:CD
244:AO 245:GW 246:IO 247:AC 248:SC 249:SD 250:RW 251:ET 252:SO 253:DJ 254:KE 255:TZ 256:UG 257:BI 258:MZ 260:ZM
261:MG 262:RE 262269:YT 262639:YT 263:ZW 264:NA 265:MW 266:LS 267:BW 268:SZ 269:KM 290:SH 291:ER 297:AW 298:FO
299:GL
350:GI 351:PT 352:LU 353:IE 354:IS 355:AL 356:MT 357:CY 358:FI 35818:AX 359:BG 370:LT 371:LV 372:EE 373:MD 374:AM
375:BY 376:AD 377:MC 378:SM 380:UA 381:RS 382:ME 383:XK 385:HR 386:SI 387:BA 389:MK 420:CZ 421:SK 423:LI
500:FK 501:BZ 502:GT 503:SV 504:HN 505:NI 506:CR 507:PA 508:PM 509:HT 590:GP 591:BO 592:GY 593:EC 594:GF 595:PY
596:MQ 597:SR 598:UY 599:BQ 5999:CW
670:TL 672:NF 673:BN 674:NR 675:PG 676:TO 677:SB 678:VU 679:FJ 680:PW 681:WF 682:CK 683:NU 685:WS 686:KI 687:NC
688:TV 689:PF 690:TK 691:FM 692:MH
850:KP 852:HK 853:MO 855:KH 856:LA 880:BD 886:TW
960:MV 961:LB 962:JO 963:SY 964:IQ 965:KW 966:SA 967:YE 968:OM 970:PS 971:AE 972:IL 973:BH 974:QA 975:BT 976:MN
977:NP 992:TJ 993:TM 994:AZ 995:GE 996:KG 998:UZ
";

#[cfg(test)]
mod tests;
