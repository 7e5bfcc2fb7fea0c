//! When the reward model changes, every stored transition carries the new reward.
