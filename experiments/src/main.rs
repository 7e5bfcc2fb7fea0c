//! The `telos` command line.

use std::process::ExitCode;

// Tensors of one update are allocated and freed thousands of times a second; glibc's allocator
// returns them to the system each time, which doubles the time of an update.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Where the environment cannot be changed, updates are slower and nothing else differs.
    let _ = telos_nn::threads::keep_on_one_thread();
    telos::cli::run()
}
