"""What is computed from frames once and stored: optical flow, poses."""
