// Package app puts a server together: it is the only place that knows every part. Open makes one from its settings, Run serves
// until it is told to stop.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/lineitem/lineitem/internal/api"
	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/backend/fake"
	"github.com/lineitem/lineitem/internal/config"
	"github.com/lineitem/lineitem/internal/controller"
	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/inventory"
	"github.com/lineitem/lineitem/internal/core/ledger"
	"github.com/lineitem/lineitem/internal/core/outlook"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/core/profile"
	"github.com/lineitem/lineitem/internal/core/resource"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/core/watch"
	"github.com/lineitem/lineitem/internal/gauges"
	"github.com/lineitem/lineitem/internal/ingest"
	"github.com/lineitem/lineitem/internal/pki"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/warehouse"
	"github.com/lineitem/lineitem/web"
)

const (
	// shutdownGrace is how long requests in progress may take once the server is told to stop.
	shutdownGrace = 10 * time.Second
	// telemetryRetention is how long raw batches are kept after they were folded: long enough to find out what went wrong.
	telemetryRetention = 7 * 24 * time.Hour
	// Agents sample so often and report so often; docs/telemetry.md has the budget.
	sampleRateHz, flushSeconds = 50, 5
)

// Options are what a program decides about a server, where a user decides the settings.
type Options struct {
	// Version of the binary.
	Version string
	// Logger receives the log; nil discards it.
	Logger *slog.Logger
	// Executable is the path of the running binary and WorkingDir the folder it was started in: where an interpreter is looked for. Either
	// may be empty.
	Executable, WorkingDir string
	// Machines are what a fake backend works on, nil for its own.
	Machines *fake.Machines
	// Now replaces the clock, if not nil.
	Now func() time.Time
	// Manual leaves the loops to the caller, who calls Tick.
	Manual bool
	// NoSync leaves SQLite's writes to the operating system: fast, and unsafe when the power fails.
	NoSync bool
}

// App is a server. It listens from Open on and answers while Run runs.
type App struct {
	cfg     config.Config
	options Options
	logger  *slog.Logger
	now     func() time.Time

	listener  net.Listener
	url       string
	db        *store.DB
	identity  *identity.Service
	groups    *identity.Groups
	code      string // bought by the first start, "" later
	clusters  *controller.Clusters
	watched   *controller.Watched
	telemetry *controller.Telemetry
	ledger    *controller.Ledger
	poster    *ledger.Poster
	reports   *controller.Reports // nil where no mails are sent
	folder    *usage.Folder
	bills     *bill.Service
	keeper    *segment.Keeper
	files     *warehouse.Warehouse
	warehouse *controller.Warehouse
	gauges    *gauges.Collector
	ingest    *ingest.Handler
	server    *http.Server

	closers   []func() error // in the order of opening
	closeOnce sync.Once
	closeErr  error
}

// Open takes the data folder, starts to listen, opens the database and wires everything. What it opened is closed again if it
// fails, and by Close or at the end of Run if not.
func Open(ctx context.Context, cfg config.Config, o Options) (_ *App, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if cfg.Data, err = filepath.Abs(cfg.Data); err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	a := &App{cfg: cfg, options: o, logger: o.Logger, now: func() time.Time { return o.Now().UTC() }}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	lock, err := lockData(cfg.Data)
	if err != nil {
		return nil, err
	}
	a.onClose(lock.Close)
	if err := a.listen(ctx); err != nil {
		return nil, err
	}
	if err := a.openStore(ctx); err != nil {
		return nil, err
	}
	a.identity = identity.NewService(a.db, a.db)
	a.groups = identity.NewGroups(a.db, a.db)
	if a.code, err = a.identity.Bootstrap(ctx, a.now()); err != nil {
		return nil, err
	}
	if err := a.wire(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *App) onClose(f func() error) { a.closers = append(a.closers, f) }

func (a *App) openStore(ctx context.Context) error {
	cfg := store.Config{DatabaseURL: a.cfg.DatabaseURL, Logger: a.logger, NoSync: a.options.NoSync}
	if cfg.DatabaseURL == "" {
		cfg.Path = filepath.Join(a.cfg.Data, "lineitem.db")
	}
	db, err := store.Open(ctx, cfg)
	if err != nil {
		return err
	}
	a.db = db
	a.onClose(db.Close)
	return db.Migrate(ctx)
}

// wire makes the services, the loops and the handler.
func (a *App) wire(ctx context.Context) error {
	b, err := a.openBackend(ctx)
	if err != nil {
		return err
	}
	prices := price.NewCurrent(a.db, a.cfg.Card(), b.Name(), cluster.BackendWatched)
	if err := prices.Load(ctx); err != nil {
		return err
	}
	policy := cluster.DefaultPolicy(prices)
	policy.StopGrace = a.cfg.StopGrace
	backends := map[string]backend.Backend{b.Name(): b}
	a.clusters = controller.NewClusters(controller.ClustersConfig{
		Store: a.db, Tx: a.db, Backends: backends, Policy: policy, Logger: a.logger, Now: a.now, Env: a.processEnv,
	})
	rules := profile.NewBatches(profile.Default())
	a.folder = usage.NewFolder(a.db, a.db, a.db.Relaxed(), ingest.Decode, rules, a.badBatch,
		watch.NewSink(a.db, prices), inventory.NewSink(a.db, rules), resource.NewSink(a.db, a.db, prices)).Paced(time.Now)
	a.watched = controller.NewWatched(controller.WatchedConfig{
		Store: a.db, Tx: a.db, Logger: a.logger, Now: a.now, Timeout: a.cfg.WatchedTimeout,
	})
	a.telemetry = &controller.Telemetry{
		Folder: a.folder, Housekeeper: a.db, Retention: telemetryRetention, Logger: a.logger, Now: a.now,
	}
	zone, err := time.LoadLocation(a.cfg.TimeZone)
	if err != nil {
		return fmt.Errorf("find the time zone: %w", err)
	}
	a.poster = ledger.NewPoster(a.db, a.db, prices, zone)
	a.telemetry.Retain = a.retainer()
	a.ledger = &controller.Ledger{Poster: a.poster, Prices: prices, Logger: a.logger, Now: a.now}
	service := cluster.NewService(cluster.ServiceConfig{
		Store: a.db, Tx: a.db, Users: a.db, Groups: a.groups, Mint: pki.Mint, Logs: logReader(backends), Backends: []string{b.Name()}, Prices: prices,
		DefaultMemory: defaultWorkerMemory(), Wake: a.clusters.Wake,
	})
	a.bills = bill.NewService(service, a.db, a.db, a.folder, a.cfg.Card())
	if err := a.openWarehouse(ctx); err != nil {
		return err
	}
	registry := newRegistry(a.db, a.now)
	a.ingest = ingest.New(ingest.Config{
		Tokens: a.db, Appender: a.db, Retirees: a.clusters, Heard: a.watched.Heard, Logger: a.logger, Now: a.now, Registerer: registry,
		Knobs: ingest.Knobs{SourceText: a.cfg.SourceText, RateHz: sampleRateHz, FlushSeconds: flushSeconds},
	})
	handler, err := a.handler(service, prices, b.Name(), registry, zone)
	if err != nil {
		return err
	}
	a.telemetry.Busy = a.ingest.Busy
	a.server = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(a.logger.Handler(), slog.LevelDebug),
	}
	return nil
}

func (a *App) handler(service *cluster.Service, prices *price.Current, backend string, registry *prometheus.Registry, zone *time.Location) (http.Handler, error) {
	card := a.cfg.Card()
	packages := inventory.NewService(service, a.db, a.db, a.folder, card)
	statements, err := a.openConsole(packages)
	if err != nil {
		return nil, err
	}
	book := price.NewService(a.db, a.db, prices)
	trueUps := ledger.NewSpreader(a.db, a.db, zone)
	spends := spend.NewService(a.keeper, card.Currency).WithBooks(trueUps)
	overviews := outlook.NewService(spends)
	reports := a.wireReports(overviews, prices, backend)
	return api.New(api.Config{
		Logger: a.logger, Now: a.now,
		Identity: a.identity, Groups: a.groups, Clusters: service, Bills: a.bills, Spend: spends, Outlook: overviews,
		Ledger: ledger.NewService(ledger.Config{
			Store: a.db, Tx: a.db, Poster: a.poster, Folder: a.folder, Spending: spending{spends}, Costs: metering{a.bills}, Zone: zone, Currency: card.Currency,
		}),
		TrueUps:   trueUps,
		Card:      func(now time.Time) cost.Card { return prices.Card(backend, now) },
		Prices:    book,
		Warehouse: segment.NewHealthService(a.db),
		Inventory: packages, Console: statements, Resources: resource.NewService(service, a.db, a.db, a.folder),
		PublicURL: a.url, Version: a.options.Version, Organisation: a.cfg.Organisation, TimeZone: a.cfg.TimeZone,
		Reports: reports.making, Subscriptions: reports.subscriptions,
		Registry: registry, Spending: a.spendingRegistry(spends, book), Ready: a.ready, Ingest: a.ingest, UI: web.Handler(),
	}), nil
}

func (a *App) ready(ctx context.Context) error {
	if err := a.db.Ping(ctx); err != nil {
		a.logger.WarnContext(ctx, "database does not answer", slog.Any("error", err))
		return errors.New("the database does not answer")
	}
	if !a.clusters.Swept() {
		return errors.New("it is still looking at what earlier servers left running")
	}
	return nil
}

func (a *App) badBatch(raw usage.RawBatch, err error) {
	a.logger.Error("stored batch cannot be read, so its time stays unknown",
		slog.String("cluster_id", string(raw.ClusterID)), slog.String("epoch", raw.Epoch), slog.Int64("seq", raw.Seq), slog.Any("error", err))
}

// Run serves until ctx ends, then stops in order: no new connections, requests in progress finish within ten seconds, telemetry
// that was received is stored, the loops end, the database is closed. Clusters go on running; the next server adopts them.
func (a *App) Run(ctx context.Context) error {
	// The loops outlive ctx: requests that are finishing may need them.
	loops, stopLoops := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLoops()
	var group errgroup.Group
	group.Go(func() error { return a.gauges.Run(loops) }) // it does nothing but what scrapes ask for
	if !a.options.Manual {
		group.Go(func() error { return a.clusters.Run(loops) })
		group.Go(func() error { return a.watched.Run(loops) })
		group.Go(func() error { return a.telemetry.Run(loops) })
		group.Go(func() error { return a.warehouse.Run(loops) })
		group.Go(func() error { return a.ledger.Run(loops) })
		if a.reports != nil {
			group.Go(func() error { return a.reports.Run(loops) })
		}
	}
	served := make(chan error, 1)
	go func() { served <- a.server.Serve(a.listener) }()

	var failure error
	select {
	case err := <-served:
		failure = fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
		a.logger.InfoContext(ctx, "stopping")
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		if err := a.server.Shutdown(grace); err != nil {
			a.logger.WarnContext(ctx, "requests were cut off", slog.Any("error", err))
			failure = a.server.Close()
		}
		cancel()
	}
	stopLoops()
	return errors.Join(failure, group.Wait(), a.Close())
}

// Close releases what Open took. Run does it at its end, so it is needed only where Run was never called; twice is once.
func (a *App) Close() error {
	a.closeOnce.Do(func() {
		var failures []error
		for i := len(a.closers) - 1; i >= 0; i-- {
			if err := a.closers[i](); err != nil {
				failures = append(failures, err)
			}
		}
		a.closeErr = errors.Join(failures...)
	})
	return a.closeErr
}

// Tick lets each loop look once, for a caller who chose Manual.
func (a *App) Tick(ctx context.Context) (controller.Result, error) {
	result, err := a.clusters.Tick(ctx)
	if err != nil {
		return result, err
	}
	if err := errors.Join(a.folder.FoldAll(ctx, ""), a.watched.Tick(ctx), a.ledger.Tick(ctx), a.keeper.Settle(ctx)); err != nil {
		return result, err
	}
	if a.reports != nil {
		a.reports.Tick(ctx)
	}
	return result, nil
}
