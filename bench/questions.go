package main

import (
	"fmt"
	"strings"
	"time"
)

// Classes of questions, each with a target of its own.
const (
	classRollup = "rollup" // over the year, from rollups
	classDetail = "detail" // over the year, in full detail
	classUser   = "user"   // one user's month
)

// Question is one that is asked of a year.
type Question struct {
	Class string
	By    string
	Where []string
	// Since and Until bound the window; zero for the whole year.
	Since, Until time.Time
}

func (q Question) String() string {
	text := q.Class + ": by " + q.By
	if len(q.Where) > 0 {
		text += " where " + strings.Join(q.Where, " and ")
	}
	if !q.Since.IsZero() {
		text += fmt.Sprintf(" in %s to %s", q.Since.Format(time.DateOnly), q.Until.Format(time.DateOnly))
	}
	return text
}

// Cast is who and what the questions are about: taken from the year itself.
type Cast struct {
	// Dearest is the user who spent most; Group is a path with groups below it.
	Dearest, Group, Project, Line, Cluster string
	// Months are single users' months.
	Months []UserMonth
}

// UserMonth is a user and a whole month in which they spent something.
type UserMonth struct {
	User         string
	Since, Until time.Time
}

// questions are all that docs/cost.md offers, over a year: each dimension alone, pairs, filters, and what a user asks of a month.
func questions(c Cast) []Question {
	var all []Question
	add := func(class, by string, where ...string) {
		all = append(all, Question{Class: class, By: by, Where: where})
	}
	for _, by := range []string{
		"user", "group", "backend", "project", "kind", "category", "operation", "library", "day", "week", "month",
		"month,kind", "day,kind", "week,group", "group,kind", "user,operation", "group,category", "month,user", "project,operation", "backend,month", "library,month,kind",
	} {
		add(classRollup, by)
	}
	add(classRollup, "operation", "group="+c.Group+"/*")
	add(classRollup, "user,category", "kind=idle,overhead")
	add(classRollup, "day", "user="+c.Dearest)
	add(classRollup, "month", "operation=read.*")
	add(classRollup, "group", "operation=read.csv")
	add(classRollup, "project,month", "group="+c.Group+"/*", "kind=work")
	for _, by := range []string{
		"file", "line", "function", "leaf", "task", "cluster", "name", "hour", "line,operation", "line,leaf", "user,line", "cluster,kind", "hour,kind", "file,library,month",
	} {
		add(classDetail, by)
	}
	add(classDetail, "line", "group="+c.Group+"/*")
	add(classDetail, "line", "operation=read.csv")
	add(classDetail, "leaf", "line="+c.Line)
	add(classDetail, "hour", "user="+c.Dearest)
	add(classDetail, "user", "file=/srv/code"+c.Group+"/*")
	add(classDetail, "operation", "cluster="+c.Cluster)
	add(classDetail, "task,operation", "project="+c.Project)

	for _, m := range c.Months {
		for _, by := range []string{"operation", "line", "day,kind", "project", "file,library", "cluster"} {
			all = append(all, Question{Class: classUser, By: by, Where: []string{"user=" + m.User}, Since: m.Since, Until: m.Until})
		}
	}
	return all
}
