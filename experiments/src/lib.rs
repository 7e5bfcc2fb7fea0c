//! Trains robots from preferences, sentences, demonstrations and data: the telos command line.
