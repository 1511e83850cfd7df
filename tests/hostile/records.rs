//! Load balancers that tell of other runs, or of the run in other words.
