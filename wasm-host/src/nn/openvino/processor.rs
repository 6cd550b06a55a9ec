//! What the processor must be like: virtual machines that announce AMX but cannot run it, and machines with one core.
//!
//! Some hypervisors pass on the processor's AMX bits but report no tile palette (CPUID leaf 1Dh is zero). oneDNN, which
//! OpenVINO computes with, then configures its tiles with palette 0 and dies of the first AMX instruction, and the
//! process with it (uxlfoundation/oneDNN pull request 5801, August 2026; seen with OpenVINO 2026.4 and 8-bit models).
//! oneDNN can be told to do without AMX, but only by the environment, which a running program cannot change safely.

use crate::nn::NnError;

/// The variable and its older name, as oneDNN reads them.
const VARIABLES: [&str; 2] = ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"];
/// The most that oneDNN does without AMX.
const WITHOUT_AMX: &str = "AVX512_CORE_FP16";

/// An environment variable and the value that a program needs to be started with on this machine so that no engine
/// crashes; `None` nearly everywhere, and where it is set already.
#[must_use]
pub fn needed_environment() -> Option<(&'static str, &'static str)> {
    let limited =
        VARIABLES.iter().filter_map(|name| std::env::var(name).ok()).any(|isa| is_without_amx(&isa));
    (amx_is_broken() && !limited).then_some((VARIABLES[0], WITHOUT_AMX))
}

/// Refuses where a model could end the process.
pub(super) fn check() -> Result<(), NnError> {
    let Some((name, value)) = needed_environment() else { return Ok(()) };
    Err(NnError::Unsupported(format!(
        "the engine {} would crash on this virtual machine, which announces AMX but cannot run it; set {name}={value} in \
         the environment, or use another engine",
        super::NAME
    )))
}

/// Whether this process may use one core only: then the library has one thread, whatever it is told.
pub(super) fn has_one_core() -> bool {
    // SAFETY: a set of bits is valid when it is all zero.
    let mut cores: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours and has the size that is passed.
    let failed = unsafe { libc::sched_getaffinity(0, size_of_val(&cores), &mut cores) } != 0;
    // SAFETY: reads the set.
    !failed && unsafe { libc::CPU_COUNT(&cores) } == 1
}

/// oneDNN's names of instruction sets: each with AMX says so, `ALL` and `DEFAULT` allow everything.
fn is_without_amx(isa: &str) -> bool {
    let isa = isa.to_ascii_uppercase();
    !isa.is_empty() && !isa.contains("AMX") && !["ALL", "DEFAULT"].contains(&&isa[..])
}

/// AMX-TILE (leaf 7, EDX bit 24) without a palette (leaf 1Dh, EAX, if there is such a leaf).
#[cfg(target_arch = "x86_64")]
fn amx_is_broken() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    const FEATURES: u32 = 7;
    const TILES: u32 = 0x1d;
    let leaves = __cpuid(0).eax;
    let palettes = || if leaves < TILES { 0 } else { __cpuid_count(TILES, 0).eax };
    leaves >= FEATURES && __cpuid_count(FEATURES, 0).edx & (1 << 24) != 0 && palettes() == 0
}

#[cfg(not(target_arch = "x86_64"))]
fn amx_is_broken() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_keep_amx_away() {
        for isa in ["AVX512_CORE_FP16", "avx2", "AVX512_CORE_VNNI"] {
            assert!(is_without_amx(isa), "{isa}");
        }
        for isa in ["", "ALL", "default", "AVX512_CORE_AMX", "avx512_core_amx_fp16", "AVX10_1_512_AMX"] {
            assert!(!is_without_amx(isa), "{isa}");
        }
    }
}
