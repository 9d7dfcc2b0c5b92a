// Package warehouse keeps what was spent as Parquet files and answers questions over years from them, with DuckDB. It is a pure function of the store: files can
// be written again from it. Sums are integers, so whatever rollup answers, an answer is exact to the nano-unit.
package warehouse
