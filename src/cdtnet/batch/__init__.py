"""Many pictures: found in any layout, harmonized in parallel, here or on a cluster, and never twice."""
