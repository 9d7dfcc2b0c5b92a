package housekeeping_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A reader who opens a package should be told what it is for before anything else. The comment stands in one file only:
// documentation tools would glue two together.
func TestEveryPackageHasOneDocComment(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("the repository's root is not where this test looks for it: %v", err)
	}

	files := sourceFiles(t, root)
	docs := map[string][]string{} // package comments by folder
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Errorf("parse %s: %v", name, err)
			continue
		}
		dir := filepath.ToSlash(filepath.Dir(name))
		docs[dir] = append(docs[dir], comment(file)...)
		if file.Doc != nil && file.Name.Name != "main" && !ast.IsGenerated(file) {
			if want := "Package " + file.Name.Name + " "; !strings.HasPrefix(file.Doc.Text(), want) {
				t.Errorf("%s: the package comment does not start with %q", name, want)
			}
		}
	}
	if _, ok := docs["internal/housekeeping"]; !ok {
		t.Fatalf("the walk missed this very package; it saw %d others", len(docs))
	}
	for dir, found := range docs {
		if dir == "internal/store/sqlcgen" {
			continue // generated without a comment; internal/store tells about it
		}
		if len(found) != 1 {
			t.Errorf("%s: %d package comments, want one that says what the package is for", dir, len(found))
		}
	}
}

func comment(file *ast.File) []string {
	if file.Doc == nil {
		return nil
	}
	return []string{file.Doc.Text()}
}

// sourceFiles lists the Go files of the module that are not tests, by their path below root.
func sourceFiles(t *testing.T, root string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			hidden := strings.HasPrefix(name, ".") && path != root
			if hidden || name == "node_modules" || name == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			relative, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			files = append(files, relative)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("list the Go files: %v", err)
	}
	return files
}
