//! Looks at OpenVINO's XML before the library does: constants must lie inside the weights.
//!
//! The library adds `offset` and `size` and multiplies the dimensions without a look at overflow, so that a file can
//! have it read beyond its weights. Only tags and their attributes are taken apart, as strictly as the library's own
//! writer writes them; what is written otherwise is refused.

use crate::nn::NnError;

/// Longest tag that is looked at; the longest are those with a list of constants' shapes.
const MAX_TAG: usize = 1 << 20;

/// Refuses XML whose constants are not inside `weights` bytes.
pub(super) fn check(xml: &[u8], weights: usize) -> Result<(), NnError> {
    let xml = std::str::from_utf8(xml).map_err(|_| refused("is not UTF-8"))?;
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once('<') {
        rest = match after.strip_prefix("!--") {
            Some(comment) => comment.split_once("-->").ok_or_else(|| refused("has a comment without end"))?.1,
            None if after.starts_with('!') => return Err(refused("has a document type or raw text")),
            None => {
                let (tag, after) = tag(after)?;
                check_tag(tag, weights)?;
                after
            }
        };
    }
    Ok(())
}

/// Part of a file, at its beginning, that is searched in any case.
const HEAD: usize = 4096;

/// Refuses a file of another format that the library would take for IR. It looks for IR first, and its XML parser skips
/// what stands before the first element: a text in an ONNX file can be a whole model, which nobody has checked. The
/// parser ends at a zero byte, and files of weights have one soon.
pub(super) fn refuse_inside(bytes: &[u8]) -> Result<(), NnError> {
    let text = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let seen = &bytes[..text.max(HEAD).min(bytes.len())];
    if seen.windows(4).any(|window| window.eq_ignore_ascii_case(b"<net")) {
        let sentence = "the file is OpenVINO IR inside of another format; export the model again";
        return Err(NnError::Unsupported(sentence.into()));
    }
    Ok(())
}

fn refused(what: &str) -> NnError {
    NnError::Unsupported(format!("the OpenVINO IR {what}; export the model again"))
}

/// The text of a tag, and what follows its end. A `>` may stand in quotes.
fn tag(text: &str) -> Result<(&str, &str), NnError> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate().take(MAX_TAG) {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            (None, b'>') => return Ok((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    Err(refused("has a tag without end"))
}

fn check_tag(tag: &str, weights: usize) -> Result<(), NnError> {
    let (mut offset, mut size) = (None, None);
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once('=') {
        let name = before.trim_end().rsplit(char::is_whitespace).next().unwrap_or_default();
        let after = after.trim_start();
        let quote = after.chars().next().filter(|quote| ['"', '\''].contains(quote));
        let value = quote.and_then(|quote| after[1..].split_once(quote));
        let (value, next) = value.ok_or_else(|| refused("has an attribute without quotes"))?;
        match name {
            "offset" if offset.is_none() => offset = Some(value),
            "size" if size.is_none() => size = Some(value),
            "offset" | "size" => return Err(refused("has an attribute twice")),
            "shape" => check_shape(value)?,
            "encoding" if !value.eq_ignore_ascii_case("utf-8") => return Err(refused("is not UTF-8")),
            _ => {}
        }
        rest = next;
    }
    // Other operators have one of the two, with another meaning; without both the library reads no constant.
    let (Some(offset), Some(size)) = (offset, size) else { return Ok(()) };
    let end = number(offset).zip(number(size)).and_then(|(offset, size)| offset.checked_add(size));
    if end.is_some_and(|end| end <= weights) {
        Ok(())
    } else {
        Err(refused("has constants beyond its weights"))
    }
}

fn number(text: &str) -> Option<usize> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Dimensions whose product of bits fits; `?` and ranges are not known and stand in no constant.
fn check_shape(shape: &str) -> Result<(), NnError> {
    let known = shape.split(',').filter_map(|dim| dim.trim().parse::<usize>().ok());
    let bits = known.filter(|dim| *dim > 0).try_fold(64_usize, usize::checked_mul);
    if bits.is_some() { Ok(()) } else { Err(refused("has a constant that is too large")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(data: &str) -> Result<(), String> {
        let xml = format!(
            "<?xml version=\"1.0\"?>\n<net name=\"a > b\" version=\"11\"><layers><!-- offset=9 --><layer id=\"0\" \
             type=\"Const\"><data {data} /></layer></layers></net>"
        );
        check(xml.as_bytes(), 100).map_err(|error| error.to_string())
    }

    #[test]
    fn ir_inside_of_another_format_is_found_where_the_library_would_find_it() {
        let far = [&[b'x'; 9000][..], b"<NET "].concat();
        for bytes in [&b"\x12\x05<net "[..], b"\0<net", &far] {
            assert!(refuse_inside(bytes).is_err());
        }
        let weights = [&[0; 9000][..], b"<net "].concat();
        for bytes in [&b""[..], b"<ne", b"net", &weights] {
            assert!(refuse_inside(bytes).is_ok());
        }
    }

    #[test]
    fn constants_lie_inside_the_weights() {
        for good in [
            "element_type=\"f32\" shape=\"5, 5\" offset=\"0\" size=\"100\"",
            "offset='96' size = '4'",
            "shape=\"\" size=\"0\" offset=\"100\"",
            "shape=\"?,3,-1\"",
            "offset=\"0.5\" step=\"16\"",
        ] {
            assert_eq!(judged(good), Ok(()), "{good}");
        }
        let beyond = "has constants beyond its weights";
        for (bad, sentence) in [
            ("offset=\"0\" size=\"101\"", beyond),
            ("offset=\"101\" size=\"0\"", beyond),
            ("offset=\"18446744073709551612\" size=\"8\"", beyond),
            ("offset=\"18446744073709551616\" size=\"4\"", beyond),
            ("offset=\"-4\" size=\"8\"", beyond),
            ("offset=\"&#49;\" size=\"8\"", beyond),
            ("offset=\" 8\" size=\"8\"", beyond),
            ("offset=\"\" size=\"8\"", beyond),
            ("offset=\"0\" size=\"8\" offset=\"500\"", "twice"),
            ("offset=0 size=8", "without quotes"),
            ("shape=\"4611686018427387905,4\" offset=\"0\" size=\"16\"", "too large"),
            ("name=\"open", "without end"),
            ("/><!DOCTYPE net [<!ENTITY a \"b\">]><data", "document type"),
        ] {
            let error = judged(bad).unwrap_err();
            assert!(error.contains(sentence), "{bad}: {error}");
        }
        assert!(check(b"\xff\xfe<\0n\0e\0t\0", 100).is_err());
    }
}
