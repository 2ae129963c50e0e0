"""What commands share: options, checked inputs and outputs, and errors in one sentence."""
