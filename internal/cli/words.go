package cli

import "strings"

// What operations are called in a table and in running text: "read.csv" is "parsing CSV". One that this version does not know is spelled out.
var (
	operationVerbs = map[string]string{
		"read": "reading", "write": "writing", "storage": "storage I/O", "decompress": "decompressing", "compress": "compressing", "convert": "converting",
		"groupby": "grouping", "sort": "sorting", "filter": "filtering", "join": "joining", "concat": "concatenating", "shuffle": "shuffling",
		"serialise": "serialising", "train": "training", "predict": "predicting with", "user": "own Python", "dataframe": "table work", "array": "array maths",
		"gpu": "GPU work", "import": "importing modules", "dask": "Dask's own work", "": "other work", "unknown": "other work",
	}
	operationNames = map[string]string{
		"csv": "CSV", "json": "JSON", "orc": "ORC", "hdf": "HDF", "sql": "SQL", "xml": "XML", "html": "HTML", "sas": "SAS", "netcdf": "NetCDF", "tiff": "TIFF",
		"parquet": "Parquet", "zarr": "Zarr", "excel": "Excel", "feather": "Feather", "avro": "Avro", "stata": "Stata", "string": "to strings",
		"storage": "to storage", "image": "images", "xgboost": "XGBoost", "lightgbm": "LightGBM", "catboost": "CatBoost", "sklearn": "scikit-learn",
		"torch": "PyTorch", "tensorflow": "TensorFlow", "cupy": "CuPy",
	}
	// parsed are the formats that have to be parsed; the others are only read.
	parsed = map[string]bool{"csv": true, "json": true, "xml": true, "html": true}
)

// operationWords returns an operation in words, for the middle of a sentence.
func operationWords(operation string) string {
	first, rest, _ := strings.Cut(operation, ".")
	words := strings.Split(rest, ".")
	verb, ok := operationVerbs[first]
	if !ok {
		verb = strings.ReplaceAll(first, "_", " ")
	}
	if first == "read" && parsed[words[0]] {
		verb = "parsing"
	}
	if rest == "" {
		return verb
	}
	for i, word := range words {
		name, ok := operationNames[word]
		if !ok {
			name = strings.ReplaceAll(word, "_", " ")
		}
		words[i] = name
	}
	if first == "gpu" {
		verb += ":"
	}
	return verb + " " + strings.Join(words, " ")
}

// isUnknown reports whether an operation says nothing.
func isUnknown(operation string) bool { return operation == "" || operation == "unknown" }
