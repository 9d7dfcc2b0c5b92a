// Package console answers SQL statements within what the asker may see: it says which tables there are, fills those that a statement names, bounds how many
// statements run, and has each of them recorded. The statements themselves are checked and run by an Engine, away from everything else.
package console

// Type is the type of a column, as DuckDB names it.
type Type string

// Types of columns. Times are UTC, without a zone.
const (
	Text      Type = "VARCHAR"
	Integer   Type = "INTEGER"
	Big       Type = "BIGINT"
	Double    Type = "DOUBLE"
	Boolean   Type = "BOOLEAN"
	Timestamp Type = "TIMESTAMP"
)

// Column is a column of a table.
type Column struct {
	Name  string
	Type  Type
	About string
}

// Table is a table that statements may name. Its columns are stable: more may be added at the end, none changes.
type Table struct {
	Name, About string
	Columns     []Column
}

// Lines is the table that the warehouse holds; the others are made of the store.
const Lines = "lines"

// tables are documented in docs/sql.md, word for word.
var tables = []Table{
	{Lines, "What each cluster spent within each hour on each thing: the rows that questions of cost add up", []Column{
		{"hour", Timestamp, "start of the hour"},
		{"cluster_id", Text, "the cluster's id"},
		{"cluster", Text, "the cluster's name"},
		{"backend", Text, "what ran the cluster"},
		{"user_id", Text, "id of who owns the cluster and pays"},
		{"user_name", Text, "their name"},
		{"group_path", Text, "the group that paid, like /research/genomics"},
		{"project", Text, "the tag project that a client declared"},
		{"kind", Text, "work, idle, overhead, lost, unattributed, unknown"},
		{"category", Text, "the kind more closely, like idle.no_work"},
		{"operation", Text, "the kind of work, like read.csv"},
		{"library", Text, "the library that did the work"},
		{"file", Text, "file of the line that created the work"},
		{"line", Integer, "number of that line"},
		{"function", Text, "the function that the line is in"},
		{"created", Boolean, "false where it is the line that submitted the work, as the one that created it is not known"},
		{"leaf_file", Text, "file of the line where the threads stood"},
		{"leaf_line", Integer, "number of that line"},
		{"leaf_function", Text, "the function that the line is in"},
		{"task", Text, "Dask's task prefix"},
		{"rules_version", Integer, "version of the rules that named the operation"},
		{"cost_nanos", Big, "what it cost, in billionths of the currency"},
		{"thread_us", Big, "time of threads, in microseconds"},
		{"cpu_us", Big, "processor time of them"},
		{"native_us", Big, "processor time of threads that Python does not know"},
	}},
	{"usage", "What each process cost within each hour that it ran, and at which price", []Column{
		{"hour", Timestamp, "start of the hour"},
		{"cluster_id", Text, "the cluster's id"},
		{"cluster", Text, "the cluster's name"},
		{"backend", Text, "what ran the cluster"},
		{"user_id", Text, "id of who owns the cluster and pays"},
		{"user_name", Text, "their name"},
		{"process_id", Text, "the process's id"},
		{"process", Text, "the process's name in its cluster, like w-0"},
		{"role", Text, "scheduler or worker"},
		{"threads", Integer, "how many tasks it can run at once"},
		{"memory_bytes", Big, "the memory that is paid for"},
		{"run_us", Big, "how long it ran within the hour, in microseconds"},
		{"cost_nanos", Big, "what that cost, in billionths of the currency"},
		{"nanos_per_hour", Big, "its rate"},
		{"core_hour_nanos", Big, "price of a core for an hour, where the rate was made of parts"},
		{"gigabyte_hour_nanos", Big, "price of 10^9 bytes of memory for an hour, likewise"},
		{"currency", Text, "the currency, as an ISO 4217 code"},
		{"price_source", Text, "where the price comes from"},
		{"price_as_of", Timestamp, "when it was true there; NULL where that is not known"},
		{"gpu_cost_nanos", Big, "what of the cost was for GPUs, which the rate is without"},
		{"group_path", Text, "the group that paid, like /research/genomics; empty for none"},
	}},
	{"reads", "What clusters read and wrote, and what that cost", []Column{
		{"cluster_id", Text, "the cluster's id"},
		{"cluster", Text, "the cluster's name"},
		{"user_id", Text, "id of who owns the cluster"},
		{"user_name", Text, "their name"},
		{"direction", Text, "read or write"},
		{"path", Text, "what was read or written"},
		{"format", Text, "like csv or parquet"},
		{"engine", Text, "what read it, like pyarrow"},
		{"compression", Text, "like gzip"},
		{"files", Big, "how many files"},
		{"tasks", Big, "how many tasks did it"},
		{"bytes", Big, "how many bytes; 0 where that is not known"},
		{"columns", Integer, "how many columns there are"},
		{"columns_used", Integer, "how many of them were used"},
		{"pushed_down", Boolean, "whether filters were applied while reading"},
		{"file", Text, "file of the line that did it"},
		{"line", Integer, "number of that line"},
		{"function", Text, "the function that the line is in"},
		{"cost_nanos", Big, "what it cost, in billionths of the currency"},
		{"thread_us", Big, "time of threads, in microseconds"},
	}},
	{"packages", "Which version of which package is on which cluster", []Column{
		{"name", Text, "name of the package or module"},
		{"version", Text, "its version; empty where there is none"},
		{"grade", Text, "installed, imported or seen: on a stack while work was done"},
		{"cluster_id", Text, "the cluster's id"},
		{"cluster", Text, "the cluster's name"},
		{"user_id", Text, "id of who owns the cluster"},
		{"user_name", Text, "their name"},
		{"roles", Text, "who has it, as a list with commas: client, scheduler, worker"},
		{"environment_id", Text, "the environment's id"},
		{"python", Text, "version of Python there"},
		{"last_at", Timestamp, "when it was last found"},
		{"cost_nanos", Big, "cost of the time with its code on the stack, in billionths of the currency"},
		{"cluster_cost_nanos", Big, "cost of the whole cluster"},
	}},
	{"gpu", "What GPUs did within each hour that a process held them, and what that cost", []Column{
		{"hour", Timestamp, "start of the hour"},
		{"cluster_id", Text, "the cluster's id"},
		{"cluster", Text, "the cluster's name"},
		{"user_id", Text, "id of who owns the cluster"},
		{"user_name", Text, "their name"},
		{"process_id", Text, "the process that saw it"},
		{"uuid", Text, "the GPU's id"},
		{"device", Integer, "its number on the machine"},
		{"model", Text, "its model"},
		{"observed_us", Big, "how long it was watched, in microseconds"},
		{"busy_us", Big, "how long of that a kernel ran"},
		{"idle_us", Big, "how long of that nothing ran"},
		{"sm_us", Big, "time of its multiprocessors; NULL where the driver does not tell it"},
		{"memory_peak_bytes", Big, "most memory in use"},
		{"memory_total_bytes", Big, "its memory"},
		{"energy_mj", Big, "energy, in millijoules"},
		{"held_us", Big, "the process's part of the device's time: what several processes see is shared equally"},
		{"cost_nanos", Big, "what that cost, in billionths of the currency; NULL where there was no price"},
		{"idle_cost_nanos", Big, "what of the cost was for time in which nothing ran on the device; NULL likewise"},
	}},
	{"events", "What happened to clusters", []Column{
		{"happened_at", Timestamp, "when"},
		{"cluster_id", Text, "the cluster's id"},
		{"cluster", Text, "the cluster's name"},
		{"user_id", Text, "id of who owns the cluster"},
		{"user_name", Text, "their name"},
		{"kind", Text, "a stable word, like scaled or worker_lost"},
		{"message", Text, "a sentence"},
	}},
	{"prices", "The price book", []Column{
		{"provider", Text, "who rents the machine out, like aws or local"},
		{"region", Text, "region or zone; empty for any"},
		{"unit", Text, "node, instance, core_hour, gb_hour or gpu_hour"},
		{"name", Text, "instance type, machine or model of the GPU"},
		{"purchase", Text, "on_demand, spot or reserved"},
		{"nanos_per_hour", Big, "the price of an hour, in billionths of the currency"},
		{"currency", Text, "the currency, as an ISO 4217 code"},
		{"valid_from", Timestamp, "since when it is in force"},
		{"valid_to", Timestamp, "until when; NULL where that is open"},
		{"source", Text, "where the price comes from"},
		{"as_of", Timestamp, "when it was true there"},
		{"accelerator", Text, "model of the GPUs that a machine's price includes"},
		{"accelerators", Integer, "how many"},
	}},
	{"clusters", "Clusters that lived within the window", []Column{
		{"cluster_id", Text, "the cluster's id"},
		{"cluster", Text, "the cluster's name"},
		{"backend", Text, "what runs it"},
		{"user_id", Text, "id of who owns it and pays"},
		{"user_name", Text, "their name"},
		{"status", Text, "pending, starting, running, stopping, stopped or failed"},
		{"reason", Text, "why it is stopping, stopped or failed"},
		{"workers", Integer, "how many workers are wanted"},
		{"threads", Integer, "threads of a worker"},
		{"memory_bytes", Big, "memory limit of a worker"},
		{"created_at", Timestamp, "when it was asked for"},
		{"started_at", Timestamp, "when the scheduler and the first worker were up; NULL before"},
		{"ended_at", Timestamp, "when nothing was left of it; NULL before"},
		{"group_path", Text, "the group that pays, like /research/genomics; empty for none"},
	}},
}

// Tables lists all of them.
func Tables() []Table { return tables }
