//! The viewer as it looks and as it is used: pictures, keys, pointer, answers and demonstrations. Needs a Vulkan
//! driver, such as the one of mesa-vulkan-drivers, which needs no graphics card.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod binary;
mod hands;
mod inputs;
mod material;
mod screen;
mod teaching;
