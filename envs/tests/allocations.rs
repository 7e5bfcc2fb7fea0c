//! What environments take from the allocator: a warm `VecEnv` allocates nothing per step, auto-resets
//! included, a robot's environment nothing beyond what rapier allocates inside the physics steps, and
//! an environment is small enough for ten thousand of them.
//!
//! The only way to see allocations is to be the allocator, whose interface is unsafe. This one counts
//! and otherwise is the system's.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

use telos_envs::{
    Env, TrajectoryStore, VecEnv, registry,
    tasks::{ArmLift, PointMaze, RobotEnv, RobotTask, TableTask, Walker},
};
use telos_sim::World;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
/// Bytes in use.
static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is forwarded unchanged to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        LIVE.fetch_add(size, Ordering::Relaxed);
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Number of allocations, by any thread, while `work` runs.
fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    work();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// One test, because tests of one file run at the same time and the count is of the whole process.
#[test]
fn nothing_is_allocated_per_step() {
    steps_resets_and_recording_allocate_nothing_once_warm();
    let walker = Walker::walk().expect("an embedded robot");
    robots_allocate_no_more_than_their_bare_worlds(walker, &[0.3, -0.2, 0.1, -0.3, 0.2, -0.1]);
    let arm = ArmLift::env().expect("an embedded robot");
    robots_allocate_no_more_than_their_bare_worlds(arm, &[0.1, 0.2, -0.3, 0.5]);
    let maze = PointMaze::medium().expect("an embedded robot");
    robots_allocate_no_more_than_their_bare_worlds(maze, &[0.3, -0.2]);
    a_cheetah_takes_less_than_200_kilobytes();
}

fn a_cheetah_takes_less_than_200_kilobytes() {
    const ENVS: usize = 16;
    let before = LIVE.load(Ordering::Relaxed);
    let mut envs = VecEnv::new(ENVS, 1, 0, |_| registry::make("cheetah-run")).expect("a task");
    envs.reset();
    for _ in 0..100 {
        envs.step(&[0.5; 6 * ENVS]);
    }
    let each = (LIVE.load(Ordering::Relaxed) - before) / ENVS;
    assert!(each < 200_000, "{each} bytes");
}

fn robots_allocate_no_more_than_their_bare_worlds<T: RobotTask>(mut env: RobotEnv<T>, action: &[f32]) {
    let mut obs = vec![0.0; env.spec().observation.size()];
    env.reset(0, &mut obs);
    let mut world = World::new(env.world().model().clone());
    world.copy_from(env.world());
    let frame_skip = (env.spec().dt / world.model().timestep()).round() as usize;
    // Both follow the same trajectory, so the engine allocates the same in both once buffers have
    // grown to their sizes.
    let (mut wrapped, mut bare) = (0, 0);
    for step in 0..400 {
        let own = allocations(|| {
            env.step(action, &mut obs);
        });
        let plain = allocations(|| {
            world.set_ctrl(env.world().ctrl());
            (0..frame_skip).for_each(|_| world.step());
        });
        if step >= 300 {
            wrapped += own;
            bare += plain;
        }
    }
    assert_eq!(wrapped, bare, "{}", env.spec().id);
}

fn steps_resets_and_recording_allocate_nothing_once_warm() {
    for threads in [1, 2] {
        let mut envs = VecEnv::new(6, threads, 0, |_| registry::make("pendulum-classic")).expect("a task");
        let mut store = TrajectoryStore::new(envs.spec(), 6, 4).expect("positive counts");
        let mut obs = envs.reset().obs.clone();
        let actions = [0.5; 6];
        // A thread allocates when it blocks on a channel for the first time, whenever that happens.
        // Windows are longer than an episode; something allocated per step or reset is in all.
        let windows = (0..10).map(|_| {
            allocations(|| {
                for _ in 0..250 {
                    let batch = envs.step(&actions);
                    store.push(&obs, &actions, batch);
                    obs.copy_from_slice(&batch.obs);
                }
            })
        });
        let windows: Vec<usize> = windows.collect();
        assert!(windows.contains(&0), "{threads} threads: {windows:?}");
    }
}
