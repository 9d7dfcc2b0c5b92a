package profile

import "strings"

// Families are what screens show in one colour each.
const (
	FamilyRead   = "read"
	FamilyWrite  = "write"
	FamilyGroup  = "group"
	FamilyMove   = "move"
	FamilyTrain  = "train"
	FamilyPython = "python"
	FamilyOther  = "other"
)

var families = map[string]string{
	"read": FamilyRead, "storage": FamilyRead, "decompress": FamilyRead, "convert": FamilyRead,
	"write": FamilyWrite, "compress": FamilyWrite,
	"groupby": FamilyGroup, "sort": FamilyGroup, "filter": FamilyGroup,
	"join": FamilyMove, "concat": FamilyMove, "shuffle": FamilyMove, "serialise": FamilyMove,
	"train": FamilyTrain, "predict": FamilyTrain,
	OperationUser: FamilyPython,
}

// Family returns the family of an operation.
func Family(operation string) string {
	word, _, _ := strings.Cut(operation, ".")
	if family, ok := families[word]; ok {
		return family
	}
	return FamilyOther
}
