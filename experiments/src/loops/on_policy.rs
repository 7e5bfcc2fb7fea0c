//! Online on-policy learning: proximal policy optimisation on the gold reward.
