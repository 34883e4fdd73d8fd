module rollback-safe.local/bench

go 1.26.0
