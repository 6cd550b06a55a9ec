//! Which classes a property means. Pure.

/// A list of class names, with exceptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelFilter {
    text: String,
    only: Vec<String>,
    except: Vec<String>,
}

impl LabelFilter {
    /// Names separated by commas or line feeds; space around them does not count. A name with a minus before it is
    /// an exception: `person,car` means these two, `-person` all but persons. An empty list means all.
    pub fn parse(text: &str) -> Self {
        let names = text.split([',', '\n']).map(str::trim).filter(|name| !name.is_empty());
        let (except, only): (Vec<&str>, Vec<&str>) = names.partition(|name| name.starts_with('-'));
        let except = except.iter().map(|name| name[1..].trim_start().to_owned());
        Self {
            text: text.to_owned(),
            only: only.into_iter().map(str::to_owned).collect(),
            except: except.filter(|name| !name.is_empty()).collect(),
        }
    }

    /// The list as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True when the list means this class. Upper and lower case differ.
    pub fn matches(&self, label: &str) -> bool {
        let label = label.trim();
        let is_in = |names: &[String]| names.iter().any(|name| name == label);
        (self.only.is_empty() || is_in(&self.only)) && !is_in(&self.except)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        for (list, matching, others) in [
            ("", &["person", "", "x"][..], &[][..]),
            (" , \n", &["person"], &[]),
            ("person, car", &["person", "car", " car "], &["dog", "Person", ""]),
            ("person\nmissing cap\n", &["person", "missing cap"], &["missing"]),
            ("-person", &["car", ""], &["person"]),
            ("- person", &["car"], &["person"]),
            ("person,car,-car", &["person"], &["car", "dog"]),
            ("-", &["car", "person"], &[]),
            ("Öl", &["Öl"], &["öl"]),
        ] {
            let filter = LabelFilter::parse(list);
            assert_eq!(filter.as_str(), list);
            matching.iter().for_each(|label| assert!(filter.matches(label), "{list:?} {label:?}"));
            others.iter().for_each(|label| assert!(!filter.matches(label), "{list:?} {label:?}"));
        }
    }
}
