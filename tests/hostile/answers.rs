//! Hosts that answer something else than what they are asked.
