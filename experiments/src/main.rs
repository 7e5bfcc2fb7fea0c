//! The `telos` command line.
//!
//! The one `unsafe` here sets environment variables, which is sound only while there is one thread;
//! candle offers no other way to choose the size of its thread pool. `tests/cli.rs` runs what follows.

use std::process::ExitCode;

// Tensors of one update are allocated and freed thousands of times a second; glibc's allocator
// returns them to the system each time, which doubles the time of an update.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    one_thread_per_learner();
    telos::cli::run()
}

/// Makes candle compute on the thread that asks. By default it shares every larger elementwise
/// operation with a pool whose members wait for each other in busy loops; at our sizes that gains
/// nothing on idle cores, and where runs go side by side an update takes ten times as long.
fn one_thread_per_learner() {
    for variable in ["CANDLE_NUM_THREADS", "RAYON_NUM_THREADS"] {
        if std::env::var_os(variable).is_none() {
            // SAFETY: `main` has just begun, and nothing before it starts a thread.
            unsafe { std::env::set_var(variable, "1") };
        }
    }
}
