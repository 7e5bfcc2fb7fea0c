//! Keeping candle on the caller's thread.
//!
//! This file has `unsafe` code: changing the environment, which is candle's only switch, is unsound while
//! another thread may read it. The function here first makes sure that there is no other thread.

/// Tells candle to run its element-wise operations and matrix products on the calling thread, unless
/// `CANDLE_NUM_THREADS` or `RAYON_NUM_THREADS` say otherwise; call it first in `main`.
///
/// By default candle 0.11 splits every sum of 65 536 numbers or more, such as the accumulation of a 256 x
/// 256 weight gradient, among threads that wait by spinning. Two learners on one machine then take several
/// times as long as on one thread each. Results do not depend on it.
///
/// Returns whether candle will use one thread. It is false when other threads were already running or
/// cannot be ruled out on this system; nothing is changed then.
pub fn keep_on_one_thread() -> bool {
    const SWITCHES: [&str; 2] = ["CANDLE_NUM_THREADS", "RAYON_NUM_THREADS"];
    if SWITCHES.iter().all(|name| std::env::var_os(name).is_none()) && only_thread() {
        for name in SWITCHES {
            // SAFETY: this is the process's only thread, so nobody reads the environment meanwhile.
            unsafe { std::env::set_var(name, "1") };
        }
    }
    SWITCHES.iter().find_map(std::env::var_os).is_some_and(|threads| threads == "1")
}

/// Whether the operating system lists no thread but this one.
fn only_thread() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1)
}
