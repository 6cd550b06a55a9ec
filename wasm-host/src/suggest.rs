//! "did you mean": the nearest spelling among what is allowed.

/// What stands between "unknown" and the list of what is allowed: ``; did you mean `x`?``, or `;` when none is near.
#[must_use]
pub fn suggestion<'a>(found: &str, allowed: impl IntoIterator<Item = &'a str>) -> String {
    nearest(found, allowed).map(|name| format!("; did you mean `{name}`?")).unwrap_or_else(|| ";".into())
}

/// The candidate that differs least, if it differs by no more than a third of its letters (at least one).
#[must_use]
pub fn nearest<'a>(found: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found = found.to_lowercase();
    allowed
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&found, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min()
        .map(|(_, name)| name)
}
