//! Bytes to text: UTF-8, UTF-16 with its mark, and Windows-1252 for what is neither.

use std::borrow::Cow;

/// 0x80 to 0x9f of Windows-1252, <https://encoding.spec.whatwg.org/index-windows-1252.txt>; the rest is Latin-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”',
    '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text of a script without its byte order mark, and whether it was in another encoding than UTF-8.
pub fn decode(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    let bytes = match bytes {
        [0xff, 0xfe, rest @ ..] => return (utf16(rest, u16::from_le_bytes).into(), true),
        [0xfe, 0xff, rest @ ..] => return (utf16(rest, u16::from_be_bytes).into(), true),
        [0xef, 0xbb, 0xbf, rest @ ..] => rest,
        _ => bytes,
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.into(), false),
        Err(_) => (windows_1252(bytes).into(), true),
    }
}

/// A statement that was cut out of bytes; where its beginning alone is kept the last character may be half.
pub(super) fn statement(mut bytes: Vec<u8>, cut: bool) -> String {
    if cut {
        let whole = std::str::from_utf8(&bytes).map_or_else(|error| error.valid_up_to(), str::len);
        if bytes.len() - whole < 4 {
            bytes.truncate(whole);
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|error| windows_1252(error.as_bytes()))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn windows_1252(bytes: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        byte => char::from(*byte),
    };
    bytes.iter().map(one).collect()
}
