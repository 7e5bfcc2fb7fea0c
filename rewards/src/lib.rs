//! Learned rewards: feedback, teachers, queries, reward models and intrinsic rewards.
