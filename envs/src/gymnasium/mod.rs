#![doc = include_str!("../../GYMNASIUM.md")]

#[cfg(feature = "gymnasium")]
mod from_gymnasium;
#[cfg(feature = "gymnasium")]
mod to_gymnasium;

#[cfg(feature = "gymnasium")]
pub use from_gymnasium::{FromGymnasium, GymnasiumAction};
#[cfg(feature = "gymnasium")]
pub use to_gymnasium::ToGymnasium;
