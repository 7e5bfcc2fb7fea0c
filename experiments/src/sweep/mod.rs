//! Sweeps: many trainings from one file, on one machine or on a cluster, that survive what clusters
//! do.
//!
//! A [`Specification`] says what to vary; a [`sampler`] proposes a generation of settings; each
//! setting with each seed is a [`Trial`](trial::Trial). [`advance`](advance::advance) decides what
//! is next from the files of the [`Store`] alone, [`execute`](execution::execute) trains one trial,
//! and a [`launcher`] brings the two together: processes on this machine, Slurm arrays, Kubernetes
//! Jobs. See [`store`] for the layout on disk.

pub mod advance;
pub mod attempt;
mod digest;
pub mod domain;
pub mod execution;
pub mod generation;
pub mod launcher;
mod measure;
pub mod outcome;
mod parameters;
pub mod sampler;
pub mod space;
pub mod specification;
pub mod status;
pub mod store;
pub mod summary;
pub mod trial;

pub use specification::Specification;
pub use store::Store;
