//! A warm `VecEnv` allocates nothing per step, auto-resets included.
//!
//! The only way to see allocations is to be the allocator, whose interface is unsafe. This one counts
//! and otherwise is the system's.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

use telos_envs::{TrajectoryStore, VecEnv, registry};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is forwarded unchanged to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn steps_resets_and_recording_allocate_nothing_once_warm() {
    for threads in [1, 2] {
        let mut envs = VecEnv::new(6, threads, 0, |_| registry::make("pendulum-classic")).unwrap();
        let mut store = TrajectoryStore::new(envs.spec(), 6, 4).unwrap();
        let mut obs = envs.reset().obs.clone();
        let actions = [0.5; 6];
        // A thread allocates when it blocks on a channel for the first time, whenever that happens.
        // Windows are longer than an episode; something allocated per step or reset is in all.
        let windows = (0..10).map(|_| {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            for _ in 0..250 {
                let batch = envs.step(&actions);
                store.push(&obs, &actions, batch);
                obs.copy_from_slice(&batch.obs);
            }
            ALLOCATIONS.load(Ordering::Relaxed) - before
        });
        let windows: Vec<usize> = windows.collect();
        assert!(windows.contains(&0), "{threads} threads: {windows:?}");
    }
}
