"""What is computed: pure folds over events. No I/O, no clock, no Faust, no randomness."""
