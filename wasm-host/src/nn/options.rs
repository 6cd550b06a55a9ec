//! What the engines' readings of [`LoadOptions`] have in common: sentences, and what none of them is let do.

use super::{LoadOptions, NnError, Precision};

/// Parts of an option's name that make an engine read or write files. What is read could be another model than the one
/// whose digest stands in the records; and files are written only where the config's outputs say.
const FILES: [&str; 6] = ["file", "path", "folder", "dump", "blob", "context"];
/// The same as whole words.
const FILE_WORDS: [&str; 3] = ["dir", "profiling", "extension"];

impl Precision {
    /// Name as in configs and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Auto => "auto",
        }
    }
}

/// Refuses session options that would make the engine use files, and those that a key of the config sets (name of the
/// option, name of the key).
pub(super) fn check_session_options(
    engine: &str,
    options: &LoadOptions,
    ours: &[(&str, &str)],
) -> Result<(), NnError> {
    for name in options.session_options.keys() {
        if let Some((_, key)) = ours.iter().find(|(option, _)| option.eq_ignore_ascii_case(name)) {
            return Err(NnError::Unsupported(format!(
                "the engine {engine}: the session option `{name}` is set by `{key}`; use that instead"
            )));
        }
        if uses_files(name) {
            return Err(NnError::Unsupported(format!(
                "the engine {engine}: the session option `{name}` would make it read or write files beside the model, \
                 which is not allowed; leave it out"
            )));
        }
    }
    Ok(())
}

fn uses_files(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    FILES.iter().any(|part| name.contains(part))
        || name.split(['.', '_']).any(|word| FILE_WORDS.contains(&word.trim_end_matches('s')))
}

/// Refuses what an engine that runs on the processor, in the precision of the model's file, cannot do.
pub(super) fn only_processor_and_f32(engine: &str, options: &LoadOptions) -> Result<(), NnError> {
    if let Some(device) = options.device.as_deref().filter(|device| !device.eq_ignore_ascii_case("CPU")) {
        return Err(NnError::Unsupported(format!(
            "the engine {engine} runs on the device `CPU` only, not on `{device}`; the engine openvino can use others"
        )));
    }
    if matches!(options.precision, Precision::F16 | Precision::Bf16) {
        return Err(NnError::Unsupported(format!(
            "the engine {engine} computes in the precision of the model's file, not in {}; convert the model, or use \
             the engine openvino",
            options.precision.name()
        )));
    }
    Ok(())
}

/// Yes or no, as engines write it in options.
pub(super) fn switch(engine: &str, name: &str, value: &str) -> Result<bool, NnError> {
    match &value.to_ascii_lowercase()[..] {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(NnError::Unsupported(format!(
            "the engine {engine}: the session option `{name}` is `{value}`; allowed are true and false"
        ))),
    }
}

/// The sentence for an option that does not exist.
pub(super) fn unknown(engine: &str, name: &str, allowed: &str) -> NnError {
    NnError::Unsupported(format!("the engine {engine} has no session option `{name}`; allowed are {allowed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_use_files() {
        for name in [
            "session.optimized_model_filepath",
            "enable_profiling",
            "session.enable_profiling",
            "ep.context_enable",
            "session.collect_node_memory_stats_to_file",
            "CACHE_DIR",
            "WEIGHTS_PATH",
            "extensions",
        ] {
            assert!(uses_files(name), "{name}");
        }
        for name in [
            "session.disable_prepacking",
            "PERF_COUNT",
            "ENABLE_CPU_PINNING",
            "session.use_direct",
            "NUM_STREAMS",
        ] {
            assert!(!uses_files(name), "{name}");
        }
    }
}
