"""What commands share: options, inputs, places for results, and errors in a sentence."""
