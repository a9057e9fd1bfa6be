"""What a person sees in a terminal: consoles, tables of results, timelines. Needs rich; import it only to print."""
