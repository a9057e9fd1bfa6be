"""What decoding costs on a GPU: `python -m benchmarks.gpu`, from the root of the repository; see RESULTS.md."""
