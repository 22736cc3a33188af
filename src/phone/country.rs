//! Whose country code a number has, how long its numbers are, and which of them cost extra.
//!
//! A table of our own, and no library behind it: libphonenumber's patterns take what the North American plan forbids
//! (900, N11) and so could only be a second opinion, they refuse ranges that were opened after their release, and they
//! cost 2 MB and the start of every process. What matters here is whose country it is, before it costs money, and
//! whether a digit was lost on the way; whether somebody has the number only its carrier knows.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

/// The country by ISO 3166-1 alpha-2 (`XK` for Kosovo, `AC` for Ascension) of a number of another country code than 1,
/// given from its country code on; `None` if its prefix is not known or belongs to no country.
pub(super) fn of(digits: &str) -> Option<&'static str> {
    let entry = (1..=LONGEST_PREFIX)
        .rev()
        .find_map(|length| TABLE.get(digits.get(..length)?))?;
    (entry.country != NOWHERE).then_some(entry.country)
}

/// How many digits numbers of this country code have after it; `None` where that is not known.
pub(super) fn lengths(digits: &str) -> Option<RangeInclusive<usize>> {
    TABLE
        .get(digits.get(..code_length(digits))?)?
        .lengths
        .clone()
}

/// Whether whoever is called earns on it.
pub(super) fn is_premium(digits: &str) -> bool {
    PREMIUM
        .split_ascii_whitespace()
        .any(|prefix| digits.starts_with(prefix))
}

/// Whether numbers of this country code may begin with 0. Elsewhere a 0 there is the one that is dialled within the
/// country, and does not belong behind the country code.
pub(super) fn may_begin_with_zero(digits: &str) -> bool {
    let code = digits.get(..code_length(digits)).unwrap_or(digits);
    !TABLE.contains_key(code) || WITH_ZERO.contains(&code)
}

/// How many digits the country code of `digits` has: those of E.164's list are free of each other's prefixes.
pub(super) fn code_length(digits: &str) -> usize {
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

struct Entry {
    country: &'static str,
    lengths: Option<RangeInclusive<usize>>,
}

static TABLE: LazyLock<HashMap<&'static str, Entry>> = LazyLock::new(|| {
    let entries = PREFIXES.split_ascii_whitespace().filter_map(|entry| {
        let mut fields = entry.split(':');
        let (prefix, country) = (fields.next()?, fields.next()?);
        let lengths = fields.next().and_then(|bounds| {
            let (least, most) = bounds.split_once('-').unwrap_or((bounds, bounds));
            Some(least.parse().ok()?..=most.parse().ok()?)
        });
        Some((prefix, Entry { country, lengths }))
    });
    entries.collect()
});

const LONGEST_PREFIX: usize = 7;

/// In [`PREFIXES`], a prefix that belongs to no country.
const NOWHERE: &str = "-";

/// Country codes whose numbers may begin with 0: Italy and its neighbours, and where the 0 became part of the number.
const WITH_ZERO: [&str; 10] = [
    "39", "378", "379", "225", "226", "229", "241", "242", "250", "992",
];

/// Prefix, country and, with a country code, how many digits people's numbers have after it, landline or mobile
/// (lengths that only machines have are left out). The longest prefix that fits decides. Country codes as ITU lists
/// them, lengths and places within a code checked against libphonenumber 9.0.43. A prefix that is not here is not sent
/// to: satellites (881, 882), international services (800, 808, 870, 883, 979) and codes nobody has.
const PREFIXES: &str = "
7:RU:10 76:KZ 77:KZ
20:EG:8-10 27:ZA:9
30:GR:10 31:NL:9 32:BE:8-9 33:FR:9 34:ES:9 36:HU:8-9 39:IT:6-12 3906698:VA
40:RO:9 41:CH:9 43:AT:6-13 44:GB:9-10 4470:- 441481:GG 447781:GG 447839:GG 4479111:GG 4479117:GG 441534:JE 447509:JE
4477003:JE 4477007:JE 4477008:JE 447797:JE 447829:JE 447937:JE 441624:IM 4474576:IM 447524:IM 447624:IM 447924:IM 45:DK:8
46:SE:7-9 47:NO:8 4779:SJ 48:PL:9 49:DE:6-13
51:PE:8-9 52:MX:10 53:CU:6-10 54:AR:10-11 55:BR:10-11 56:CL:9 57:CO:8-10 58:VE:10
60:MY:8-10 61:AU:9 6189162:CC 6189164:CX 62:ID:7-12 63:PH:6-10 64:NZ:8-10 65:SG:8 66:TH:8-9
81:JP:9-10 82:KR:8-10 84:VN:9-10 86:CN:9-11
90:TR:10 91:IN:10 92:PK:9-10 93:AF:9 94:LK:9 95:MM:6-10 98:IR:10
211:SS:9 212:MA:9 2125288:EH 2125289:EH 213:DZ:8-9 216:TN:8 218:LY:9 220:GM:7-9 221:SN:9 222:MR:8 223:ML:8 224:GN:8-9
225:CI:10 226:BF:8 227:NE:8 228:TG:8 229:BJ:10 230:MU:7-8 231:LR:7-9 232:SL:8 233:GH:9 234:NG:10 235:TD:8 236:CF:8
237:CM:9 238:CV:7 239:ST:7 240:GQ:9 241:GA:7-8 242:CG:9 243:CD:7-10 244:AO:9 245:GW:9 246:IO:7 247:AC:5 248:SC:7
249:SD:9 250:RW:8-9 251:ET:9 252:SO:6-9 253:DJ:8 254:KE:7-9 255:TZ:9 256:UG:9 257:BI:8 258:MZ:8-9 260:ZM:9 261:MG:9
262:RE:9 262269:YT 262639:YT 263:ZW:9 264:NA:8-9 265:MW:7-9 266:LS:8 267:BW:7-8 268:SZ:8 269:KM:7 290:SH:5 291:ER:7
297:AW:7 298:FO:6 299:GL:6
350:GI:8 351:PT:9 352:LU:5-11 353:IE:7-10 354:IS:7-9 355:AL:8-9 356:MT:8 357:CY:8 358:FI:5-10 35818:AX 359:BG:6-9
370:LT:8 371:LV:8 372:EE:7-8 373:MD:8 374:AM:8 375:BY:9 376:AD:6-9 377:MC:8-9 378:SM:8-10 380:UA:9 381:RS:7-12
382:ME:8 383:XK:8-12 385:HR:8-9 386:SI:8 387:BA:8-9 389:MK:8
420:CZ:9 421:SK:9 423:LI:7-9
500:FK:5 501:BZ:7 502:GT:8 503:SV:8 504:HN:8 505:NI:8 506:CR:8 507:PA:7-8 508:PM:6-9 509:HT:8 590:GP:9 591:BO:8
592:GY:7 593:EC:8-9 594:GF:9 595:PY:7-9 596:MQ:9 597:SR:6-7 598:UY:8 599:BQ:7-8 5999:CW
670:TL:7-8 672:NF:6 673:BN:7 674:NR:7 675:PG:7-8 676:TO:5-7 677:SB:5-7 678:VU:5-7 679:FJ:7 680:PW:7 681:WF:6 682:CK:5
683:NU:5-7 685:WS:5-10 686:KI:5-8 687:NC:6 688:TV:5-7 689:PF:8 690:TK:5-7 691:FM:7 692:MH:7
850:KP:8-10 852:HK:8 853:MO:8 855:KH:8-9 856:LA:8-10 880:BD:6-10 886:TW:8-9
960:MV:7 961:LB:7-8 962:JO:8-9 963:SY:8-9 964:IQ:8-10 965:KW:8 966:SA:9 967:YE:7-9 968:OM:8 970:PS:8-9 971:AE:8-9
972:IL:8-9 973:BH:8 974:QA:8 975:BT:7-8 976:MN:8-10 977:NP:8-10 992:TJ:9 993:TM:8 994:AZ:9 995:GE:9 996:KG:9 998:UZ:9
";

/// Prefixes of premium services outside country code 1: the well-known ones, not all. Carriers bar the rest, or do not.
const PREMIUM: &str = "
20900 2790 3090 31900 31906 31909 3290 3389 34803 34806 34807 35164 35176 35490 355900 357900 358600 358700 35990 3690
3691 37190 37290 37490 37590 380900 38190 38294 38690 38790 38950 3989 40900 40903 40906 41900 41901 41906 42090
423900 4390 4393 4487 449 4590 46649 46900 46939 46944 4782 4870 49137 49900 51805 52900 55900 57190 57901 62809 64900
7803 7809 81990 8260 84190 852900 886203 886204 90900 92900 962900 971900
";

#[cfg(test)]
mod tests;
