// The work of bench/peers/bare.py in Go: net/http, pgx and golang-jwt, from packages of Debian.
// It shows what compiled code costs. Arguments: the port. Environment: DATABASE_URL, JWT_SECRET, GOMAXPROCS.
package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt"
	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

const (
	columns  = "id, title, description, status, priority, due_date, create_time, update_time, created_by, tags"
	one      = "SELECT " + columns + " FROM tasks WHERE id = $1"
	page     = "SELECT " + columns + " FROM tasks WHERE created_by = $1 ORDER BY create_time DESC, id DESC LIMIT $2"
	count    = "SELECT count(*) FROM tasks WHERE created_by = $1"
	insert   = "INSERT INTO tasks (" + columns + ", version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)"
	occupied = "23505"
)

var (
	statuses   = []string{"STATUS_PENDING", "STATUS_IN_PROGRESS", "STATUS_COMPLETED", "STATUS_CANCELLED"}
	priorities = []string{"PRIORITY_LOW", "PRIORITY_MEDIUM", "PRIORITY_HIGH", "PRIORITY_CRITICAL"}
	secret     = []byte(os.Getenv("JWT_SECRET"))
	pool       *pgxpool.Pool
)

// Task is a task in the form of a response.
type Task struct {
	Name        string     `json:"name"`
	Title       string     `json:"title"`
	Description *string    `json:"description"`
	Status      string     `json:"status"`
	Priority    string     `json:"priority"`
	DueDate     *time.Time `json:"due_date"`
	CreateTime  time.Time  `json:"create_time"`
	UpdateTime  time.Time  `json:"update_time"`
	CreatedBy   string     `json:"created_by"`
	Tags        []string   `json:"tags"`
}

// Page is a page of a list.
type Page struct {
	Tasks         []Task  `json:"tasks"`
	NextPageToken *string `json:"next_page_token"`
	TotalSize     int     `json:"total_size"`
}

// NewTask is the body of a creation.
type NewTask struct {
	Task struct {
		Title       string     `json:"title"`
		Description *string    `json:"description"`
		Status      string     `json:"status"`
		Priority    string     `json:"priority"`
		DueDate     *time.Time `json:"due_date"`
		Tags        []string   `json:"tags"`
	} `json:"task"`
}

// Claims are the claims that are checked.
type Claims struct {
	jwt.StandardClaims
	Scope string `json:"scope"`
}

func main() {
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	check(err)
	config.MinConns, config.MaxConns = 5, 5
	pool, err = pgxpool.ConnectConfig(context.Background(), config)
	check(err)
	http.HandleFunc("/v1/tasks", tasks)
	http.HandleFunc("/v1/tasks/", task)
	http.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) { write(w, 200, []byte(`{"status":"ok"}`)) })
	check(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func show(w http.ResponseWriter, status int, value interface{}) {
	body, err := json.Marshal(value)
	if err != nil {
		reject(w, 500, err.Error())
		return
	}
	write(w, status, body)
}

func reject(w http.ResponseWriter, status int, faults ...string) {
	body, _ := json.Marshal(map[string][]string{"errors": faults})
	write(w, status, body)
}

// subject returns the subject of the token. It rejects the request if there is none.
func subject(w http.ResponseWriter, r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	claims := Claims{}
	_, err := jwt.ParseWithClaims(token, &claims, func(found *jwt.Token) (interface{}, error) {
		if found.Method != jwt.SigningMethodHS256 {
			return nil, errors.New("unexpected algorithm")
		}
		return secret, nil
	})
	if err != nil || claims.ExpiresAt == 0 || claims.IssuedAt == 0 || claims.Subject == "" {
		reject(w, 401, "invalid token")
		return "", false
	}
	for _, scope := range strings.Fields(claims.Scope) {
		if scheme == "Bearer" && scope == "tasks" {
			return claims.Subject, true
		}
	}
	reject(w, 403, "insufficient scope")
	return "", false
}

func read(row pgx.Row) (Task, error) {
	var found Task
	var id [16]byte
	var status, priority int16
	err := row.Scan(&id, &found.Title, &found.Description, &status, &priority, &found.DueDate,
		&found.CreateTime, &found.UpdateTime, &found.CreatedBy, &found.Tags)
	if err != nil {
		return found, err
	}
	found.Name = "tasks/" + text(id)
	found.Status, found.Priority = statuses[status-1], priorities[priority-1]
	found.CreateTime, found.UpdateTime = found.CreateTime.UTC(), found.UpdateTime.UTC()
	if found.DueDate != nil {
		due := found.DueDate.UTC()
		found.DueDate = &due
	}
	return found, nil
}

func text(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[0:4], id[4:6], id[6:8], id[8:10], id[10:])
}

func task(w http.ResponseWriter, r *http.Request) {
	by, ok := subject(w, r)
	if !ok {
		return
	}
	found, err := read(pool.QueryRow(r.Context(), one, strings.TrimPrefix(r.URL.Path, "/v1/tasks/")))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		reject(w, 404, "no such task")
	case err != nil:
		reject(w, 500, err.Error())
	case found.CreatedBy != by:
		reject(w, 403, "not yours")
	default:
		show(w, 200, found)
	}
}

func tasks(w http.ResponseWriter, r *http.Request) {
	by, ok := subject(w, r)
	if !ok {
		return
	}
	if r.Method == http.MethodPost {
		create(w, r, by)
		return
	}
	size, err := strconv.Atoi(r.URL.Query().Get("page_size"))
	if err != nil {
		size = 50
	}
	found, err := list(r.Context(), size, by)
	if err != nil {
		reject(w, 500, err.Error())
		return
	}
	show(w, 200, found)
}

func list(ctx context.Context, size int, by string) (Page, error) {
	found := Page{Tasks: make([]Task, 0, size+1)}
	rows, err := pool.Query(ctx, page, by, size+1)
	if err != nil {
		return found, err
	}
	defer rows.Close()
	for rows.Next() {
		each, err := read(rows)
		if err != nil {
			return found, err
		}
		found.Tasks = append(found.Tasks, each)
	}
	if rows.Err() != nil {
		return found, rows.Err()
	}
	found.TotalSize = len(found.Tasks)
	if found.TotalSize > size {
		found.Tasks = found.Tasks[:size]
		last := found.Tasks[size-1]
		token := base64.URLEncoding.EncodeToString([]byte(last.CreateTime.String() + "|" + last.Name))
		found.NextPageToken = &token
		err = pool.QueryRow(ctx, count, by).Scan(&found.TotalSize)
	}
	return found, err
}

func create(w http.ResponseWriter, r *http.Request, by string) {
	var body NewTask
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(raw, &body)
	}
	if err != nil {
		reject(w, 400, err.Error())
		return
	}
	status, priority := index(statuses, body.Task.Status, 0), index(priorities, body.Task.Priority, 1)
	if found := faults(body, status, priority); len(found) > 0 {
		reject(w, 400, found...)
		return
	}
	var id [16]byte
	_, _ = rand.Read(id[:])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	made, now := body.Task, time.Now().UTC().Truncate(time.Microsecond)
	if made.Tags == nil {
		made.Tags = []string{}
	}
	_, err = pool.Exec(r.Context(), insert, id, made.Title, made.Description, int16(status+1), int16(priority+1),
		made.DueDate, now, now, by, made.Tags)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == occupied {
		reject(w, 409, "title taken")
		return
	}
	if err != nil {
		reject(w, 500, err.Error())
		return
	}
	w.Header().Set("Location", "/v1/tasks/"+text(id))
	show(w, 201, Task{"tasks/" + text(id), made.Title, made.Description, statuses[status], priorities[priority],
		made.DueDate, now, now, by, made.Tags})
}

// index returns the place of a name, that of the default for an absent one, or -1.
func index(names []string, name string, absent int) int {
	if name == "" {
		return absent
	}
	for place, each := range names {
		if each == name {
			return place
		}
	}
	return -1
}

func faults(body NewTask, status, priority int) []string {
	var found []string
	if length := len([]rune(body.Task.Title)); length < 1 || length > 200 {
		found = append(found, "title must have 1 to 200 characters")
	}
	if body.Task.Description != nil && len([]rune(*body.Task.Description)) > 1000 {
		found = append(found, "description must have at most 1000 characters")
	}
	if status < 0 {
		found = append(found, "status must be one of "+strings.Join(statuses, ", "))
	}
	if priority < 0 {
		found = append(found, "priority must be one of "+strings.Join(priorities, ", "))
	}
	if body.Task.DueDate != nil && !body.Task.DueDate.After(time.Now()) {
		found = append(found, "due_date must be in the future")
	}
	if len(body.Task.Tags) > 10 {
		found = append(found, "tags must be at most 10")
	}
	for _, tag := range body.Task.Tags {
		if strings.Trim(tag, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || tag == "" {
			found = append(found, tag+" is not a tag")
		}
	}
	return found
}
