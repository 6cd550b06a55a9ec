//! The attributes of an operator, each there at most once.

use rten_onnx::onnx::{AttributeProto, NodeProto, TensorProto};

/// Largest window, stride, padding or block, either way; more is nothing that a model has.
const MAX_SIZE: u64 = 1 << 14;

pub(super) struct Attributes<'m>(Vec<(&'m str, &'m AttributeProto)>);

impl<'m> Attributes<'m> {
    pub(super) fn of(node: &'m NodeProto) -> Result<Self, String> {
        let mut all: Vec<_> = node
            .attribute
            .iter()
            .map(|attribute| (attribute.name.as_deref().unwrap_or_default(), attribute))
            .collect();
        all.sort_by_key(|(name, _)| *name);
        match all.windows(2).find(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
            Some(pair) => Err(format!("its attribute `{}` is there twice", pair[0].0)),
            None => Ok(Self(all)),
        }
    }

    fn get(&self, name: &str) -> Option<&'m AttributeProto> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, attribute)| *attribute)
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.get(name)?.i
    }

    pub(super) fn ints(&self, name: &str) -> Option<&'m [i64]> {
        self.get(name).map(|attribute| &attribute.ints[..])
    }

    pub(super) fn floats(&self, name: &str) -> Option<&'m [f32]> {
        self.get(name).map(|attribute| &attribute.floats[..])
    }

    pub(super) fn text(&self, name: &str) -> Option<&'m str> {
        self.get(name)?.s.as_deref()
    }

    pub(super) fn tensor(&self, name: &str) -> Option<&'m TensorProto> {
        self.get(name)?.t.as_ref()
    }

    /// A list of sizes with one for each of `count`, or `default` for all.
    pub(super) fn sizes(&self, name: &str, count: usize, default: u64) -> Result<Vec<u64>, String> {
        let Some(given) = self.ints(name) else { return Ok(vec![default; count]) };
        let size = |value: &i64| u64::try_from(*value).ok().filter(|value| *value <= MAX_SIZE);
        let sizes = given.iter().map(size).collect::<Option<Vec<u64>>>();
        sizes.filter(|sizes| sizes.len() == count).ok_or_else(|| {
            format!("its attribute `{name}` is {given:?}, {count} sizes up to {MAX_SIZE} are followed")
        })
    }
}
