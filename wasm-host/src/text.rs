//! Text from a module or a model, made fit for terminals, logs and records.

/// Most bytes of one message or log line.
pub(crate) const MAX_BYTES: usize = 1024;

/// At most [`MAX_BYTES`] of `bytes` as text: invalid UTF-8 becomes U+FFFD, control characters (line breaks,
/// terminal escapes) and invisible direction marks are removed, a cut is shown by an ellipsis.
pub(crate) fn clean(bytes: &[u8]) -> String {
    let kept = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    let mut text: String = String::from_utf8_lossy(kept).chars().filter(|c| !is_hidden(*c)).collect();
    if kept.len() < bytes.len() {
        // The cut may have gone through a character.
        text.truncate(text.trim_end_matches('\u{fffd}').len());
        text.push('…');
    }
    text
}

fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_made_harmless() {
        assert_eq!(clean("größe ≤ 3".as_bytes()), "größe ≤ 3");
        assert_eq!(clean(b"a\x1b[31mb\nc\0\x7f"), "a[31mbc");
        assert_eq!(clean(b"\xffok\xc3"), "\u{fffd}ok\u{fffd}");
        assert_eq!(clean("a\u{202e}b".as_bytes()), "ab");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let long = "ä".repeat(MAX_BYTES);
        assert_eq!(clean(long.as_bytes()), format!("{}…", "ä".repeat(MAX_BYTES / 2)));
        let odd = format!("x{long}");
        assert_eq!(clean(odd.as_bytes()), format!("x{}…", "ä".repeat(MAX_BYTES / 2 - 1)));
        let full = "b".repeat(MAX_BYTES);
        assert_eq!(clean(full.as_bytes()), full);
    }
}
