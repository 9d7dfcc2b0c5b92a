package seed

// habit is what a group mostly does.
type habit int

const (
	habitCSV habit = iota
	habitTables
	habitBoost
	habitDeep
	habitArrays
	habitAdhoc
	habits
)

// schedules tells whether a group of that habit has clusters that start by themselves at night.
func (h habit) schedules() bool { return h == habitTables || h == habitCSV || h == habitBoost }

// step is a kind of work that lines do.
type step struct {
	operation, library, prefix, function string
	// weight is how much of the time goes to such lines; native how much of a line's time is in threads of libraries, cpu how much of its
	// own thread's time is CPU, in 255ths.
	weight      float64
	native, cpu uint8
}

// What lines of each habit do.
var steps = [habits][]step{
	habitCSV: {
		{"read.csv", "pandas", "readcsv", "load_orders", 36, 0, 220},
		{"decompress", "", "readcsv", "load_orders", 6, 0, 250},
		{"storage", "fsspec", "read-block", "load_orders", 8, 0, 40},
		{"convert.string", "pyarrow", "arrow-strings", "load_orders", 5, 0, 240},
		{"groupby", "pandas", "groupby-chunk", "totals_by_account", 12, 0, 240},
		{"join", "pandas", "hash-join", "with_accounts", 8, 0, 240},
		{"filter", "pandas", "getitem", "clean", 5, 0, 240},
		{"user", "", "apply", "parse_amount", 12, 0, 250},
		{"write.csv", "pandas", "to-csv", "publish", 6, 0, 200},
		{"serialise", "cloudpickle", "rechunk", "publish", 2, 0, 230},
	},
	habitTables: {
		{"read.parquet", "pyarrow", "read_parquet", "events_of_day", 18, 90, 200},
		{"storage", "s3fs", "read_parquet", "events_of_day", 9, 0, 40},
		{"read.json", "orjson", "read-json", "events_of_day", 7, 0, 245},
		{"join", "pandas", "hash-join", "enrich", 16, 20, 230},
		{"shuffle", "pandas", "shuffle-transfer", "enrich", 12, 10, 180},
		{"groupby", "pandas", "groupby-agg", "sessions", 14, 10, 240},
		{"sort", "pandas", "sort_values", "sessions", 4, 0, 240},
		{"filter", "pandas", "getitem", "valid", 5, 0, 240},
		{"user", "", "map-partitions", "normalise", 6, 0, 250},
		{"write.parquet", "pyarrow", "to-parquet", "publish", 8, 80, 200},
		{"compress", "", "to-parquet", "publish", 2, 0, 250},
	},
	habitBoost: {
		{"read.parquet", "pyarrow", "read_parquet", "training_set", 8, 90, 200},
		{"join", "pandas", "hash-join", "features", 9, 10, 230},
		{"groupby", "pandas", "groupby-agg", "features", 11, 10, 240},
		{"dataframe", "pandas", "assign", "features", 6, 0, 240},
		{"train.xgboost", "xgboost", "dispatched_train", "fit", 34, 190, 250},
		{"train.sklearn", "sklearn", "fit", "search", 12, 60, 245},
		{"predict.xgboost", "xgboost", "predict", "score", 8, 150, 245},
		{"array", "numpy", "concatenate", "matrix", 5, 40, 240},
		{"user", "", "evaluate", "objective", 7, 0, 250},
	},
	habitDeep: {
		{"read.image", "PIL", "load", "samples", 8, 0, 230},
		{"storage", "s3fs", "load", "samples", 7, 0, 40},
		{"array", "numpy", "augment", "augment", 9, 60, 240},
		{"train.torch", "torch", "train_epoch", "train", 44, 150, 235},
		{"predict.torch", "torch", "embed", "embed", 12, 140, 235},
		{"gpu.cupy", "cupy", "normalise", "augment", 4, 0, 200},
		{"serialise", "cloudpickle", "checkpoint", "checkpoint", 3, 0, 220},
		{"write.storage", "s3fs", "checkpoint", "checkpoint", 3, 0, 40},
		{"user", "", "schedule", "train", 6, 0, 250},
	},
	habitArrays: {
		{"read.zarr", "zarr", "open_zarr", "open_fields", 16, 40, 200},
		{"read.netcdf", "netCDF4", "open_dataset", "open_fields", 7, 0, 210},
		{"decompress", "numcodecs", "open_zarr", "open_fields", 6, 60, 250},
		{"array", "numpy", "mean_agg", "anomalies", 24, 110, 245},
		{"array", "scipy", "filter", "smooth", 13, 30, 248},
		{"shuffle", "numpy", "rechunk-merge", "by_station", 9, 0, 200},
		{"user", "", "overlap", "detect", 15, 0, 252},
		{"read.hdf", "h5py", "from-array", "stations", 4, 0, 210},
		{"write.zarr", "zarr", "store-map", "publish", 5, 40, 210},
		{"write.hdf", "h5py", "store-map", "publish", 1, 0, 210},
	},
	habitAdhoc: {
		{"read.csv", "pandas", "readcsv", "main", 18, 0, 220},
		{"read.excel", "openpyxl", "read-excel", "main", 10, 0, 240},
		{"read.sql", "sqlalchemy", "from-sql", "main", 9, 0, 60},
		{"read.parquet", "pyarrow", "read_parquet", "main", 9, 90, 200},
		{"groupby", "pandas", "groupby-agg", "summary", 14, 0, 240},
		{"dataframe", "pandas", "describe", "summary", 9, 0, 240},
		{"join", "pandas", "hash-join", "summary", 8, 0, 240},
		{"train.sklearn", "sklearn", "fit", "baseline", 9, 60, 245},
		{"user", "", "apply", "label", 12, 0, 250},
		{"write.excel", "openpyxl", "to-excel", "save", 2, 0, 240},
	},
}

// What projects are called.
var themes = [habits][]string{
	habitCSV:    {"ledger", "invoices", "payouts", "campaign-costs", "leads", "budgets", "vouchers"},
	habitTables: {"sessions", "events", "stock", "routes", "warehouse", "demand", "orders"},
	habitBoost:  {"churn", "default-risk", "card-fraud", "claims", "scoring", "early-warning"},
	habitDeep:   {"ranking", "embeddings", "vision", "creatives", "next-basket", "speech"},
	habitArrays: {"variants", "cells", "reanalysis", "spectra", "tides", "molecules"},
	habitAdhoc:  {"survey", "headcount", "pay-gap", "hiring", "questions"},
}

// What files of a project are called.
var modules = []string{"load", "features", "train", "report", "pipeline", "checks", "backfill", "evaluate"}
