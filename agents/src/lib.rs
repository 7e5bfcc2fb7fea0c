//! Policies, replay and learners.
