package console_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	core "github.com/lineitem/lineitem/internal/core/console"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/warehouse/console"
)

const marker = "canary-7f3a91"

// plant makes files that nobody may read.
func plant(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{"c.csv": "word\n" + marker + "\n", "c.txt": marker, "c.json": `{"word": "` + marker + `"}`} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// attacks are statements that must be refused; CANARY stands for a folder with files to read.
var attacks = []string{
	// files
	"select * from 'CANARY/c.csv'", `select * from "CANARY/c.csv"`, "from 'CANARY/c.json'", "select * from read_csv('CANARY/c.csv')", "select * from read_csv_auto('CANARY/c.csv')",
	"select * from read_text('CANARY/*')", "select * from read_blob('CANARY/*')", "select * from glob('CANARY/*')", "select * from parquet_scan('CANARY/x')", "select * from read_json('CANARY/c.json')",
	"select * from read_ndjson_objects('CANARY/c.json')", "select * from parquet_metadata('x')", "select * from parquet_schema('x')", "select * from sniff_csv('CANARY/c.csv')", "select * from read_duckdb('CANARY/x')",
	"with x as (select * from 'CANARY/c.csv') select * from x", "select (select word from 'CANARY/c.csv')", "select * from events where kind in (select word from 'CANARY/c.csv')",
	"select * from events union all select * from 'CANARY/c.csv'", "select exists (from 'CANARY/c.csv')", "select list_transform([1], x -> (select count(*) from 'CANARY/c.csv'))",
	"select * from events, lateral (select * from 'CANARY/c.csv')", "select * from (values ((select word from 'CANARY/c.csv')))", "pivot 'CANARY/c.csv' on word in ('a') using count(*)",
	"unpivot 'CANARY/c.csv' on word", "describe 'CANARY/c.csv'", "summarize 'CANARY/c.csv'", "explain select * from 'CANARY/c.csv'", "select * from events order by (select word from 'CANARY/c.csv')",
	"select count(*) over (order by (select word from 'CANARY/c.csv')) from events", "select * from events limit (select count(*) from 'CANARY/c.csv')", "select * from range((select count(*) from 'CANARY/c.csv'))",
	"select case when (select count(*) from 'CANARY/c.csv') > 0 then 1 end", "select sum(1) filter (where (select true from 'CANARY/c.csv'))", "select * from events join 'CANARY/c.csv' on true",
	"select * from events qualify row_number() over () > (select 1 from 'CANARY/c.csv')", "select * from events having (select 1 from 'CANARY/c.csv')", "select columns((select word from 'CANARY/c.csv'))",
	`with "CANARY/c.csv" as (select 1) select * from "CANARY/c.csv" union all select * from (with a as (select 2) select * from 'CANARY/c.txt.csv')`,
	`select * from (with "CANARY/c.csv" as (select 1) select * from "CANARY/c.csv") a, "CANARY/c.csv" b`,
	`with a as (select * from "CANARY/c.csv"), "CANARY/c.csv" as (select 1) select * from a`,
	`with "CANARY/c.csv" as (select * from "CANARY/c.csv") select * from "CANARY/c.csv"`,
	// the system, the configuration, other catalogues
	"select getenv('HOME')", "select current_setting('home_directory')", "select * from duckdb_settings()", "select * from duckdb_secrets()", "select which_secret('x', 's3')", "from which_secret('x', 's3')",
	"select * from duckdb_functions()", "select * from duckdb_tables", "select * from information_schema.tables", "select * from pg_catalog.pg_tables", "select * from sqlite_master", "select * from system.main.duckdb_views",
	"select * from duckdb_logs()", "select * from pragma_database_list", "select * from pragma_user_agent()", "from pragma_platform()", "select * from duckdb_temporary_files()", "select * from duckdb_memory()",
	"select getvariable('x')", "select current_query()", "select stats(1)", "select write_log('x')", "select sleep_ms(100000)", "select pg_sleep(1000)", "select nextval('s')", "select version()",
	"select * from test_all_types()", "select * from repeat('x', 10)", "select * from seq_scan('events')", "select * from query('select 1')", "select * from query_table('events')",
	"select json_execute_serialized_sql('x')", "from json_execute_serialized_sql(json_serialize_sql('select 1'))", "select json_serialize_sql('select 1')", "select json_deserialize_sql('x')",
	"select * from other.events", "select * from memory.main.events", "select temp.main.lower('x')", "select * from events at (version => 1)", "select error('x')", "select cast_to_type('1', 1)",
	"select system.main.getenv('HOME')", "select 'HOME'.getenv()", "select list_transform(['HOME'], x -> getenv(x))", "select apply(['HOME'], lambda x: getenv(x))", "select [getenv(x) for x in ['HOME']]",
	"select sum(length(getenv('HOME'))) over ()", "select x.getenv() from (select 'HOME' x)", "select * from unnest([getenv('HOME')])", "select case when getenv('HOME') = 'x' then 1 end",
	// what is not a question
	"insert into events values (1)", "update events set kind = 'x'", "delete from events", "truncate events", "drop table events", "create table x as select 1", "create view x as select 1", "create macro m() as 1",
	"create secret s (type s3)", "create function f() as 1", "alter table events rename to x", "copy events to 'CANARY/out.csv'", "copy events from 'CANARY/c.csv'", "copy (select 1) to 'CANARY/out.csv'",
	"export database 'CANARY/x'", "import database 'CANARY/x'", "attach 'CANARY/x.db'", "attach 'CANARY/x.db' as x (type sqlite)", "detach memory", "use memory", "install httpfs", "load httpfs", "load 'CANARY/x.so'",
	"force install spatial", "update extensions", "set memory_limit = '100GB'", "reset memory_limit", "set global threads = 100", "set variable x = 1", "pragma database_list", "pragma memory_limit = '100GB'", "call pragma_version()",
	"checkpoint", "vacuum", "analyze", "begin", "commit", "prepare p as select 1", "execute p", "deallocate p", "comment on table events is 'x'", "explain analyze select 1", "explain (format json) select 1",
	"explain copy events to 'CANARY/out.csv'", "explain insert into events values (1)", "show tables", "show databases", "show all tables", "select 1; select 2", "select 1; copy events to 'CANARY/out.csv'",
	"select 1) as a; drop table events; select * from (select 1", "select 1) as x, (select * from 'CANARY/c.csv'", "select 1 -- \n; attach 'CANARY/x.db'", "select $1", "select ?", "with x as (delete from events returning *) select * from x",
	"with lines as (select 1) select * from lines", "select * from (show tables)", "select * from (pragma database_list)", "merge into events using events on true when matched then delete",
	"select * from 'https://example.com/x.csv'", "select * from 's3://bucket/x.parquet'", "select * from read_parquet('https://example.com/x.parquet')", "select * from '/proc/self/environ'", "select * from read_text('/proc/self/environ')",
}

func TestAttacks(t *testing.T) {
	t.Parallel()
	canary := plant(t)
	e := open(t, nil)
	for _, attack := range attacks {
		sql := strings.ReplaceAll(attack, "CANARY", canary)
		a, err := ask(t, e, sql)
		var refused *errs.Error
		if !errors.As(err, &refused) || (refused.Code != "sql_refused" && refused.Code != "sql_wrong") || !strings.HasSuffix(refused.Message, ".") && !strings.Contains(refused.Message, "LINE") {
			t.Errorf("%s\nis answered with %v\n%s", attack, err, text(a))
		}
		if err != nil && strings.Contains(err.Error(), marker) {
			t.Errorf("%s\ntells what is in a file: %v", attack, err)
		}
	}
	files, err := os.ReadDir(canary)
	if err != nil || len(files) != 3 {
		t.Errorf("the folder has %v, %v", files, err)
	}
}

// Statements that would take for ever, or all memory, end with a sentence; the server neither grows nor stops.
// watchWorkers looks every few milliseconds at what memory of their own children of this process have, and returns the most that any had: the program's
// file, which all share, is not in it. What the system tells of
// children that have ended would not do: it begins with what the parent had when it made them.
func watchWorkers(t *testing.T) (most func() int64) {
	t.Helper()
	var peak atomic.Int64
	parent := fmt.Sprintf("PPid:\t%d\n", os.Getpid())
	own, err := os.ReadFile("/proc/self/cmdline")
	if err != nil && runtime.GOOS == "linux" {
		t.Fatal(err)
	}
	look := func() {
		files, err := filepath.Glob("/proc/[0-9]*/status")
		if err != nil {
			t.Error(err)
		}
		for _, file := range files {
			// It may have ended. One that has not become a worker yet has the memory of this process, and its words.
			if words, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline")); err != nil || string(words) == string(own) {
				continue
			}
			status, err := os.ReadFile(file)
			_, rest, found := strings.Cut(string(status), "RssAnon:")
			if err != nil || !found || !strings.Contains(string(status), parent) {
				continue
			}
			kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Error(err)
			}
			peak.Store(max(peak.Load(), kilobytes<<10))
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-t.Context().Done():
				return
			case <-ticker.C:
				look()
			}
		}
	}()
	t.Cleanup(func() { <-ended })
	return peak.Load
}

// Not beside other tests: their workers have other bounds.
func TestHunger(t *testing.T) {
	e := open(t, func(b *console.Bounds) { b.Time, b.SpillBytes = 4*time.Second, 64<<20 })
	most := watchWorkers(t)
	for sql, codes := range map[string]string{
		"select count(*) from range(1000000000) a, range(1000000000) b where a.range * b.range % 7 = 3": "sql_too_slow sql_too_large",
		"with recursive r(n) as (select 1 union all select n + 1 from r) select max(n) from r":          "sql_too_slow sql_too_large",
		"select string_agg(range::varchar) from range(1000000000)":                                      "sql_too_large",
		"select list(a) from range(1000000000) t(a)":                                                    "sql_too_large",
		"select length(repeat('x', 2000000000)) + length(repeat('y', 2000000000))":                      "sql_too_slow sql_too_large",
		"select sum(length(lpad('x', 100000000, 'y') || a)) from range(1000) t(a)":                      "sql_too_slow sql_too_large",
		"select list_reduce(range(100000000), (a, b) -> a + b)":                                         "sql_too_slow sql_too_large",
		"select * from range(100000000) t(a) order by hash(a)":                                          "sql_too_slow sql_too_large answered",
		"select regexp_matches(repeat('a', 100000000) || 'b', '(a*)*c')":                                "sql_too_slow sql_too_large answered",
		"select count(distinct a.range * 1000003 + b.range) from range(100000) a, range(100000) b":      "sql_too_slow sql_too_large",
		strings.Repeat("select * from (", 400) + "select 1" + strings.Repeat(")", 400):                  "sql_wrong sql_too_large answered",
		"select " + strings.Repeat("(", 30_000) + "1" + strings.Repeat(")", 30_000):                     "sql_wrong sql_too_large sql_failed",
		"select " + strings.Repeat("1 + ", 20_000) + "1":                                                "sql_wrong sql_too_large answered",
	} {
		began := time.Now()
		_, err := ask(t, e, sql)
		code := "answered"
		var refused *errs.Error
		if errors.As(err, &refused) {
			code = refused.Code
		}
		if (err != nil && refused == nil) || !strings.Contains(codes, code) {
			t.Errorf("%.100s\nends with %v", sql, err)
		}
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("%.100s\ntook %v", sql, took)
		}
	}
	// Two times DuckDB's share and what a process needs; the stack is bounded apart, and some pages are no data to the system: up to 24 MiB were seen beyond.
	if got, most := most(), int64(2*128+256+8+32)<<20; runtime.GOOS == "linux" && (got == 0 || got > most) {
		t.Errorf("a worker had %d MiB, more than %d MiB", got>>20, most>>20)
	}
	if a, err := ask(t, e, "select 1 as a"); err != nil || a.RowCount != 1 {
		t.Errorf("after all that, select 1 gives %v", err)
	}
}

// Who goes away ends their statement.
func TestCancel(t *testing.T) {
	t.Parallel()
	e := open(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	_, err := e.Run(ctx, core.Job{
		SQL: "select count(*) from events, range(1000000000) a, range(1000000000) b where a.range % 7 = b.range % 11", Limit: 1,
		Load: func(ctx context.Context, table core.Table, columns []string, folder string) (core.Content, error) {
			time.AfterFunc(200*time.Millisecond, cancel)
			return load(ctx, table, columns, folder)
		},
	})
	if !errors.Is(err, context.Canceled) || time.Since(began) > 5*time.Second {
		t.Errorf("a cancelled statement ends after %v with %v", time.Since(began), err)
	}
}

// Whatever is written, no file outside is read or made, and an answer comes.
func FuzzStatements(f *testing.F) {
	for _, attack := range attacks {
		f.Add(attack)
	}
	f.Add("select * from events")
	f.Add("with x as (select 1) select * from x")
	canary := plant(f)
	e := open(f, func(b *console.Bounds) { b.Time, b.MemoryBytes = 2*time.Second, 64<<20 })
	f.Fuzz(func(t *testing.T, sql string) {
		a, err := ask(t, e, strings.ReplaceAll(sql, "CANARY", canary))
		var refused *errs.Error
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("%q fails without a sentence: %v", sql, err)
		}
		if strings.Contains(text(a), marker) || (err != nil && strings.Contains(err.Error(), marker)) {
			t.Fatalf("%q reads a file: %v\n%s", sql, err, text(a))
		}
		if files, err := os.ReadDir(canary); err != nil || len(files) != 3 {
			t.Fatalf("%q changes the folder: %v, %v", sql, files, err)
		}
	})
}
