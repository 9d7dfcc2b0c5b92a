// Awsprices writes the list prices of AWS that the binary carries: on demand, us-east-1, with the GPUs of each type. It reads them from a Go
// module that AWS publishes with its node autoscaler (Apache-2.0), as data: the module is never built.
//
//	go -C tools run ./awsprices -o ../internal/cli/pricelists/aws.csv
package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// The module, and the checksum that go.sum would hold of it. A newer version goes here.
const (
	module  = "github.com/aws/karpenter-provider-aws"
	version = "v1.15.1"
	sum     = "h1:6eH///KgWKDwD2R6wHRnKGN8Vu8OHueaXjNdx64TnuY="
)

// Where it says what, in that version.
const (
	pricesFile = "pkg/providers/pricing/zz_generated.pricing_aws.go"
	pricesVar  = "InitialOnDemandPricesAWS"
	gpusFile   = "pkg/providers/drametadata/zz_generated_gpu_metadata.go"
	gpusVar    = "GPUMetadataByInstanceType"
	region     = "us-east-1"
)

func main() {
	out := flag.String("o", "", "file to write")
	flag.Parse()
	if err := run(context.Background(), *out); err != nil {
		fmt.Fprintln(os.Stderr, "awsprices:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string) error {
	if out == "" {
		return errors.New("say with -o which file to write")
	}
	archive, err := download(ctx)
	if err != nil {
		return err
	}
	files, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("open the module: %w", err)
	}
	defer func() { _ = files.Close() }()
	pricesText, err := read(files, pricesFile)
	if err != nil {
		return err
	}
	gpusText, err := read(files, gpusFile)
	if err != nil {
		return err
	}
	list, err := makeList(pricesText, gpusText)
	if err != nil {
		return err
	}
	return os.WriteFile(out, list, 0o644)
}

// download has the module fetched and returns its archive. A go command that is too old to build the module says so, and fetches it.
func download(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module+"@"+version)
	cmd.Dir = os.TempDir() // in no module: nothing of ours is to depend on it
	answer, failure := cmd.Output()
	var got struct{ Zip, Sum, Error string }
	if err := json.Unmarshal(answer, &got); err != nil {
		return "", fmt.Errorf("download the module: %w", errors.Join(failure, err))
	}
	if got.Zip == "" {
		return "", fmt.Errorf("download the module: %s", got.Error)
	}
	if got.Sum != sum {
		return "", fmt.Errorf("the module's checksum is %s, not %s", got.Sum, sum)
	}
	return got.Zip, nil
}

func read(files *zip.ReadCloser, name string) ([]byte, error) {
	file, err := files.Open(path.Join(module+"@"+version, name))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return text, nil
}

// makeList makes the price list, in the shape that "lineitem prices import" takes.
func makeList(pricesText, gpusText []byte) ([]byte, error) {
	stamp := regexp.MustCompile(`// generated at (\S+) for ` + region + `\n`).FindSubmatch(pricesText)
	if stamp == nil {
		return nil, errors.New("the prices do not say when they were made")
	}
	asOf, err := time.Parse(time.RFC3339, string(stamp[1]))
	if err != nil {
		return nil, fmt.Errorf("when the prices were made: %w", err)
	}
	prices, err := literal(pricesText, pricesVar)
	if err != nil {
		return nil, err
	}
	types, ok := field(prices, region).(*ast.CompositeLit)
	if !ok || len(types.Elts) < 1000 {
		return nil, fmt.Errorf("%s holds no, or few, prices of %s", pricesVar, region)
	}
	gpus, err := literal(gpusText, gpusVar)
	if err != nil {
		return nil, err
	}
	rows := map[string][]string{}
	for _, e := range types.Elts {
		pair := e.(*ast.KeyValueExpr)
		name, err := text(pair.Key)
		if err != nil {
			return nil, err
		}
		price, ok := pair.Value.(*ast.BasicLit)
		if !ok || price.Kind != token.FLOAT {
			return nil, fmt.Errorf("the price of %s is no number", name)
		}
		model, count, err := gpuOf(gpus, name)
		if err != nil {
			return nil, err
		}
		rows[name] = []string{
			"aws", region, name, "on_demand", price.Value, "USD", "AWS list prices (" + path.Base(module) + " " + version + ")",
			asOf.UTC().Format(time.RFC3339), model, count,
		}
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	header := []string{"provider", "region", "name", "purchase", "price", "currency", "source", "as_of", "accelerator", "accelerators"}
	names := slices.SortedFunc(maps.Keys(rows), func(a, b string) int { return cmp.Compare(a, b) })
	if err := w.Write(header); err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := w.Write(rows[name]); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// literal finds the composite literal of a variable.
func literal(source []byte, name string) (*ast.CompositeLit, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	var found *ast.CompositeLit
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && v.Names[0].Name == name && len(v.Values) == 1 {
			found, _ = v.Values[0].(*ast.CompositeLit)
		}
		return found == nil
	})
	if found == nil {
		return nil, fmt.Errorf("there is no variable %s with a literal", name)
	}
	return found, nil
}

// field returns the value of a key, which is a text or a name, in a literal; nil if it is not there.
func field(l *ast.CompositeLit, key string) ast.Expr {
	for _, e := range l.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if id, ok := pair.Key.(*ast.Ident); ok && id.Name == key {
			return pair.Value
		}
		if name, err := text(pair.Key); err == nil && name == key {
			return pair.Value
		}
	}
	return nil
}

func text(e ast.Expr) (string, error) {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		return strconv.Unquote(lit.Value)
	}
	return "", fmt.Errorf("%T is no text", e)
}

// gpuOf returns which GPUs a type has, and how many; neither if the module does not say.
func gpuOf(gpus *ast.CompositeLit, name string) (model, count string, err error) {
	entry, ok := field(gpus, name).(*ast.CompositeLit)
	if !ok {
		return "", "", nil
	}
	n, ok := field(entry, "Count").(*ast.BasicLit)
	if !ok {
		return "", "", fmt.Errorf("%s has GPUs, and not how many", name)
	}
	ast.Inspect(entry, func(node ast.Node) bool {
		pair, ok := node.(*ast.KeyValueExpr)
		if !ok || model != "" {
			return model == ""
		}
		if key, keyErr := text(pair.Key); keyErr == nil && key == "productName" {
			ast.Inspect(pair.Value, func(node ast.Node) bool {
				if call, ok := node.(*ast.CallExpr); ok && len(call.Args) == 1 {
					model, err = text(call.Args[0])
				}
				return true
			})
		}
		return true
	})
	if err == nil && model == "" {
		err = fmt.Errorf("%s has GPUs, and not which", name)
	}
	return model, n.Value, err
}
