//! The engines' own words, as one sentence: their errors come in several lines and begin with places in sources that
//! nobody has.

use crate::text;

/// One line without the places in the sources that it was told from.
pub(super) fn sentence(told: &str) -> String {
    let lines = told.lines().map(without_places).filter(|line| !line.is_empty());
    text::clean(lines.collect::<Vec<_>>().join("; ").as_bytes())
}

/// Leaves out each `/…/file.cc:12`, and words before it that only led there.
fn without_places(line: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in line.split_whitespace() {
        if !is_place(word) {
            words.push(word);
            continue;
        }
        while words.last().is_some_and(|last| LEADS.contains(last)) {
            words.pop();
        }
    }
    words.join(" ")
}

/// As in `Exception from src/core.cpp:12` and `Check 'rank == 4' failed at src/shape.cpp:34`.
const LEADS: [&str; 3] = ["Exception", "from", "at"];

/// Whether this word names a line of a source file.
fn is_place(word: &str) -> bool {
    const ENDINGS: [&str; 6] = [".cc:", ".cpp:", ".h:", ".hpp:", ".c:", ".hh:"];
    word.contains('/') && ENDINGS.iter().any(|ending| word.contains(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_sources_are_left_out() {
        let told = "Exception from src/inference/src/cpp/core.cpp:112:\nException from src/core.cpp:64:\n\
                    Check 'rank == 4' failed at src/core/shape.cpp:34:\nthe rank is 3\n";
        assert_eq!(sentence(told), "Check 'rank == 4' failed; the rank is 3");
        assert_eq!(sentence("no model at all"), "no model at all");
    }
}
