// Calls the service through the Go client of openapi-generator: the compiler and go vet check this file.
// The steps are those of steps.py.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"drive/candor"
)

var (
	url     = os.Getenv("CANDOR_URL")
	nobody  = client("")
	admin   = client(os.Getenv("CANDOR_ADMIN"))
	alice   = client(os.Getenv("CANDOR_ALICE"))
	bob     = client(os.Getenv("CANDOR_BOB")) // has no scope but orders
	tasks   = alice.TasksAPI
	ctx     = context.Background()
	run     = "go " + unique()[:8]
	account = *candor.NewCredentials(os.Getenv("CANDOR_EMAIL"), os.Getenv("CANDOR_PASSWORD"))
)

func unique() string {
	made := make([]byte, 16)
	_, err := rand.Read(made)
	ok(err)
	return fmt.Sprintf("%x-%x-%x-%x-%x", made[:4], made[4:6], made[6:8], made[8:10], made[10:])
}

func client(token string) *candor.APIClient {
	configuration := candor.NewConfiguration()
	configuration.Servers = candor.ServerConfigurations{{URL: url}}
	if token != "" {
		configuration.AddDefaultHeader("Authorization", "Bearer "+token)
	}
	return candor.NewAPIClient(configuration)
}

func ok(err error) {
	if err != nil {
		panic(err)
	}
}

func same(found, expected any) {
	if !reflect.DeepEqual(found, expected) {
		panic(fmt.Sprintf("%v is not %v", found, expected))
	}
}

func holds(condition bool, found any) {
	if !condition {
		panic(fmt.Sprintf("%+v", found))
	}
}

// problem returns the problem of a rejected call, with the type that the document has for this operation and status.
func problem[P any](response *http.Response, err error) P {
	var refused *candor.GenericOpenAPIError
	holds(errors.As(err, &refused), err)
	found, typed := refused.Model().(P)
	holds(typed, refused.Model())
	return found
}

func bare(status int, response *http.Response, err error) {
	var refused *candor.GenericOpenAPIError
	holds(errors.As(err, &refused), err)
	same([]any{response.StatusCode, len(refused.Body())}, []any{status, 0})
}

func of(title string) candor.CreateTaskRequest {
	return *candor.NewCreateTaskRequest(*candor.NewTaskCreate(run + " " + title))
}

func create(title string) *candor.Task {
	made, _, err := tasks.CreateTask(ctx).CreateTaskRequest(of(title)).Execute()
	ok(err)
	return made
}

func id(task *candor.Task) string { return strings.TrimPrefix(task.Name, "tasks/") }

func update(task *candor.Task, change candor.TaskUpdate) *candor.Task {
	changed, _, err := tasks.UpdateTask(ctx, id(task)).TaskUpdate(change).Execute()
	ok(err)
	return changed
}

func described(text string) (change candor.TaskUpdate) {
	change.SetDescription(text)
	return
}

func titled(text string) candor.TaskUpdate { return candor.TaskUpdate{Title: &text} }

func batch(titles ...string) candor.BatchCreateTasksRequest {
	items := []candor.BatchCreateItem{}
	for _, each := range titles {
		items = append(items, *candor.NewBatchCreateItem(of(each).Task))
	}
	return *candor.NewBatchCreateTasksRequest(items)
}

func order() *candor.Order {
	items := []candor.OrderItemCreate{*candor.NewOrderItemCreate("TEA-100", 3)}
	body := *candor.NewOrderCreate("alice", "EUR", items)
	made, _, err := alice.OrdersAPI.CreateOrder(ctx).OrderCreate(body).Execute()
	ok(err)
	return made
}

func logIn() *candor.Tokens {
	made, _, err := nobody.TokensAPI.CreateTokens(ctx).Credentials(account).Execute()
	ok(err)
	return made
}

func me() (*candor.APIClient, *candor.User) {
	client := client(logIn().AccessToken)
	user, _, err := client.AccountAPI.GetMe(ctx).Execute()
	ok(err)
	return client, user
}

func codes(violations []candor.Violation) (found []string) {
	for _, each := range violations {
		found = append(found, each.Code)
	}
	return
}

// declared is an error that an operation declares, and a request for it; Schema is empty if the response has no body.
type declared struct {
	Operation, Tag, Request, Code, Schema string
	Status                                int
	Parameters                            map[string]string
	Body                                  json.RawMessage
	Required                              []string
}

func pascal(name string) (made string) {
	words := strings.FieldsFunc(name, func(each rune) bool { return strings.ContainsRune("-_ ", each) })
	for _, each := range words {
		made += strings.ToUpper(each[:1]) + each[1:]
	}
	return
}

func called(on reflect.Value, method string, arguments ...any) []reflect.Value {
	function := on.MethodByName(method)
	holds(function.IsValid(), method)
	values := []reflect.Value{}
	for _, each := range arguments {
		values = append(values, reflect.ValueOf(each))
	}
	return function.Call(values)
}

// simulated returns the problem of an operation that is only known at run time.
func (d declared) simulated() (*http.Response, error) {
	admin.GetConfig().DefaultHeader["Simulate-Error"] = d.Code
	arguments := []any{ctx}
	for _, each := range d.Parameters { // there is one at most
		arguments = append(arguments, each)
	}
	api := reflect.ValueOf(admin).Elem().FieldByName(pascal(d.Tag) + "API")
	request := called(api, pascal(d.Operation), arguments...)[0]
	if d.Request != "" {
		body := reflect.New(request.MethodByName(d.Request).Type().In(0))
		ok(json.Unmarshal(d.Body, body.Interface()))
		request = called(request, d.Request, body.Elem().Interface())[0]
	}
	for _, each := range d.Required {
		request = called(request, pascal(each), "*")[0]
	}
	for {
		answer := called(request, "Execute")
		response := answer[len(answer)-2].Interface().(*http.Response)
		if response.StatusCode != 429 || d.Code == "RATE_LIMIT_EXCEEDED" {
			return response, answer[len(answer)-1].Interface().(error)
		}
		seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
		ok(err)
		time.Sleep(time.Duration(seconds) * time.Second)
	}
}

// instance returns the error itself: if a status has several, the model has a pointer for each, all but one nil.
func instance(model any) reflect.Value {
	several := reflect.New(reflect.TypeOf(model))
	several.Elem().Set(reflect.ValueOf(model))
	if actual := several.MethodByName("GetActualInstance"); actual.IsValid() {
		return actual.Call(nil)[0].Elem().Elem()
	}
	return several.Elem()
}

// readsMore parses a problem again, with an additional property as of a later release.
func readsMore(model any, err error) {
	var refused *candor.GenericOpenAPIError
	holds(errors.As(err, &refused), err)
	later := append([]byte(`{"later": true, `), refused.Body()[1:]...)
	ok(json.Unmarshal(later, reflect.New(reflect.TypeOf(model)).Interface()))
}

var steps = []struct {
	name string
	do   func()
}{
	{"create", func() {
		later := time.Now().UTC().Add(30 * 24 * time.Hour).Truncate(time.Microsecond)
		sent := of("1")
		sent.Task.SetStatus("STATUS_IN_PROGRESS")
		sent.Task.SetDueDate(later)
		sent.Task.SetTags([]string{"home"})
		made, response, err := tasks.CreateTask(ctx).CreateTaskRequest(sent).Execute()
		ok(err)
		same([]any{response.StatusCode, made.Status}, []any{201, "STATUS_IN_PROGRESS"})
		holds(made.DueDate.Get().Equal(later), made)
		same(response.Header.Get("Location"), "/v1/"+made.Name)
	}},
	{"create_assumes_defaults", func() { same(create("2").Status, "STATUS_PENDING") }},
	{"patch_of_one_property_leaves_the_others", func() {
		task := create("3")
		change := candor.TaskUpdate{}
		change.SetStatus("STATUS_COMPLETED")
		update(task, change)
		renamed := update(task, titled(run+" 3b"))
		same([]string{renamed.Title, renamed.Status}, []string{run + " 3b", "STATUS_COMPLETED"})
	}},
	{"a_response_can_be_sent_back", func() {
		task, change := create("4"), candor.TaskUpdate{}
		read, err := json.Marshal(task)
		ok(err)
		ok(json.Unmarshal(read, &change))
		same(update(task, change).Title, task.Title)
	}},
	{"null_clears_a_property", func() {
		task, change := create("5"), candor.TaskUpdate{}
		same(*update(task, described("more")).Description.Get(), "more")
		change.SetDescriptionNil()
		holds(update(task, change).Description.Get() == nil, task)
	}},
	{"a_mask_clears_missing_properties", func() {
		task := create("6")
		update(task, described("more"))
		masked := tasks.UpdateTask(ctx, id(task)).TaskUpdate(titled("x")).UpdateMask("description")
		cleared, _, err := masked.Execute()
		ok(err)
		holds(cleared.Title == task.Title && cleared.Description.Get() == nil, cleared)
	}},
	{"list_with_a_filter_and_pages", func() {
		seen := map[string]bool{}
		for token := candor.PtrString(""); token != nil; {
			query := tasks.ListTasks(ctx).PageSize(2).Filter("status = PENDING").OrderBy("title")
			if *token != "" {
				query = query.PageToken(*token)
			}
			page, _, err := query.Execute()
			ok(err)
			for _, each := range page.Tasks {
				seen[each.Title] = true
			}
			token = page.NextPageToken.Get()
		}
		holds(seen[run+" 2"] && !seen[run+" 1"], seen)
	}},
	{"a_reused_title_is_409", func() {
		create("7")
		_, response, err := tasks.CreateTask(ctx).CreateTaskRequest(of("7")).Execute()
		refused := problem[candor.CreateTask409Response](response, err)
		same([]any{response.StatusCode, refused.TaskTitleTaken.Code}, []any{409, "TASK_TITLE_TAKEN"})
	}},
	{"violations_are_typed", func() {
		sent := of("8")
		sent.Task.Title = ""
		sent.Task.SetTags([]string{"a", "a"})
		_, response, err := tasks.CreateTask(ctx).CreateTaskRequest(sent).Execute()
		refused := problem[candor.CreateTask400Response](response, err).ValidationFailed
		same(codes(refused.Errors), []string{"TOO_SHORT", "DUPLICATE_TAG"})
		same(*refused.Errors[1].Pointer, "#/task/tags/1")
	}},
	{"problems_of_one_status_are_distinguished", func() {
		_, response, err := tasks.ListTasks(ctx).Filter("nonsense !").Execute()
		filtered := problem[candor.ListTasks400Response](response, err).InvalidFilter
		holds(filtered.Position >= 1 && len(filtered.Allowed) > 0, filtered)
		_, response, err = tasks.ListTasks(ctx).OrderBy("nothing").Execute()
		same(problem[candor.ListTasks400Response](response, err).InvalidOrderBy.Code, "INVALID_ORDER_BY")
	}},
	{"without_a_token_is_401_without_a_body", func() {
		_, response, err := client("wrong").TasksAPI.ListTasks(ctx).Execute()
		bare(401, response, err)
		holds(strings.Contains(response.Header.Get("WWW-Authenticate"), `error="invalid_token"`), response.Header)
	}},
	{"without_the_scope_is_403_without_a_body", func() {
		_, response, err := bob.TasksAPI.ListTasks(ctx).Execute()
		bare(403, response, err)
	}},
	{"a_missing_resource_is_404", func() {
		_, response, err := tasks.GetTask(ctx, unique()).Execute()
		same(problem[candor.TaskNotFound](response, err).Code, "TASK_NOT_FOUND")
	}},
	{"a_read_that_is_current_is_304", func() {
		task := create("9")
		_, response, err := tasks.GetTask(ctx, id(task)).Execute()
		ok(err)
		_, response, err = tasks.GetTask(ctx, id(task)).IfNoneMatch(response.Header.Get("ETag")).Execute()
		bare(304, response, err)
	}},
	{"a_stale_version_is_412", func() {
		request := tasks.UpdateTask(ctx, id(create("10"))).TaskUpdate(titled("x")).IfMatch(`"0-0"`)
		_, response, err := request.Execute()
		same(problem[candor.PreconditionFailed](response, err).Status, int32(412))
	}},
	{"the_same_key_is_answered_again", func() {
		key := unique()
		send := func(title string) (*candor.Task, *http.Response, error) {
			return tasks.CreateTask(ctx).CreateTaskRequest(of(title)).IdempotencyKey(key).Execute()
		}
		first, _, err := send("11")
		ok(err)
		again, response, err := send("11")
		ok(err)
		same(again, first)
		same(response.Header.Get("Idempotent-Replayed"), "true")
		_, response, err = send("11b")
		same(problem[candor.IdempotencyKeyReused](response, err).Status, int32(422))
	}},
	{"a_batch_lists_failed_items", func() {
		create("12")
		made, response, err := tasks.CreateTasks(ctx).BatchCreateTasksRequest(batch("12", "13")).Execute()
		ok(err)
		failure := made.Failures[0]
		same([]any{response.StatusCode, len(made.Tasks), failure.Index}, []any{207, 1, int32(0)})
		same(failure.Problem.Code, "TASK_TITLE_TAKEN")
	}},
	{"a_batch_that_fails_completely_is_409", func() {
		_, response, err := tasks.CreateTasks(ctx).BatchCreateTasksRequest(batch("12", "13")).Execute()
		same(len(problem[candor.CreateTasks409Response](response, err).BatchFailed.Failures), 2)
	}},
	{"delete_a_task", func() {
		task := create("14")
		_, response, err := tasks.DeleteTask(ctx, id(task)).Execute()
		ok(err)
		same(response.StatusCode, 200)
		_, response, _ = tasks.GetTask(ctx, id(task)).Execute()
		same(response.StatusCode, 404)
	}},
	{"money_is_exact", func() {
		made := order()
		same([]string{made.Items[0].UnitPrice, made.Total}, []string{"4.90", "14.70"})
	}},
	{"items_are_read_on_request", func() {
		made := order()
		plain, _, err := alice.OrdersAPI.GetOrder(ctx, made.Id).Execute()
		ok(err)
		holds(plain.Items == nil, plain)
		whole, _, err := alice.OrdersAPI.GetOrder(ctx, made.Id).Expand("items").Execute()
		ok(err)
		same(whole.Items[0].Sku, "TEA-100")
	}},
	{"an_order_is_cancelled_once", func() {
		made := order()
		_, _, err := alice.OrdersAPI.CancelOrder(ctx, made.Id).Execute()
		ok(err)
		_, response, err := alice.OrdersAPI.CancelOrder(ctx, made.Id).Execute()
		refused := problem[candor.CancelOrder400Response](response, err)
		same(refused.OrderNotCancellable.Code, "ORDER_NOT_CANCELLABLE")
	}},
	{"a_session_is_refreshed_and_revoked", func() {
		sessions := nobody.TokensAPI
		fresh, _, err := sessions.RefreshTokens(ctx).TokenRefresh(*candor.NewTokenRefresh(logIn().RefreshToken)).Execute()
		ok(err)
		same(fresh.ExpiresIn, int64(900))
		_, _, err = sessions.RevokeToken(ctx).TokenRevocation(*candor.NewTokenRevocation(fresh.RefreshToken)).Execute()
		ok(err)
		_, response, err := sessions.RefreshTokens(ctx).TokenRefresh(*candor.NewTokenRefresh(fresh.RefreshToken)).Execute()
		bare(401, response, err)
	}},
	{"the_account_is_read_and_changed", func() {
		client, user := me()
		renamed, _, err := client.AccountAPI.UpdateMe(ctx).UserUpdate(candor.UserUpdate{Name: candor.PtrString("Alice B.")}).Execute()
		ok(err)
		same([]string{renamed.Name, renamed.Email}, []string{"Alice B.", user.Email})
	}},
	{"the_profile_has_both_parts", func() {
		client, user := me()
		profile, _, err := client.ProfilesAPI.GetProfile(ctx, user.Id).Execute()
		ok(err)
		same([]any{profile.User.Id, profile.Degraded}, []any{user.Id, false})
		holds(profile.Preferences.Locale != "", profile)
	}},
	{"replacing_needs_the_version", func() {
		client, user := me()
		read, response, err := client.PreferencesAPI.GetPreferences(ctx, user.Id).Execute()
		ok(err)
		theme := map[string]string{"dark": "light"}[read.Theme]
		if theme == "" {
			theme = "dark"
		}
		body := *candor.NewPreferencesInput("de-CH", "Europe/Zurich", theme)
		put := client.PreferencesAPI.ReplacePreferences(ctx, user.Id).PreferencesInput(body).IfMatch(response.Header.Get("ETag"))
		replaced, _, err := put.Execute()
		ok(err)
		same(replaced.Locale, "de-CH")
		_, response, err = put.Execute()
		same(problem[candor.PreconditionFailed](response, err).Status, int32(412))
	}},
	{"a_missing_version_is_428", func() { // the client requires the parameter, so the request is made without it
		_, user := me()
		body := strings.NewReader(`{"locale": "de", "time_zone": "UTC", "theme": "dark"}`)
		put, err := http.NewRequest("PUT", url+"/v1/users/"+user.Id+"/preferences", body)
		ok(err)
		put.Header.Set("Authorization", "Bearer "+logIn().AccessToken)
		put.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(put)
		ok(err)
		answer, err := io.ReadAll(response.Body)
		ok(err)
		refused := candor.PreconditionRequired{}
		ok(json.Unmarshal(answer, &refused))
		same([]any{response.StatusCode, refused.Status}, []any{428, int32(428)})
	}},
	{"a_common_password_is_a_violation", func() {
		client, _ := me()
		body := *candor.NewPasswordChange(account.Password, "password1")
		_, response, err := client.PasswordsAPI.PutPassword(ctx).PasswordChange(body).Execute()
		refused := problem[candor.PutPassword400Response](response, err)
		same(codes(refused.ValidationFailed.Errors), []string{"TOO_COMMON"})
	}},
	{"registration_reveals_no_account", func() {
		register := func(email string) *candor.Acknowledgement {
			body := *candor.NewUserCreate("Carol", email)
			answer, response, err := nobody.RegistrationAPI.RegisterUser(ctx).UserCreate(body).Execute()
			ok(err)
			same(response.StatusCode, 202)
			return answer
		}
		same(register("carol@example.com"), register(account.Email))
	}},
	{"public_operations_need_no_token", func() {
		health, _, err := nobody.HealthAPI.GetHealth(ctx).Execute()
		ok(err)
		same(health.Status, "ok")
		entry, _, err := nobody.CatalogueAPI.GetError(ctx, "task-title-taken").Execute()
		ok(err)
		same(entry.Code, "TASK_TITLE_TAKEN")
	}},
	{"every_declared_error_is_typed", func() {
		every := []declared{}
		list, err := os.ReadFile("errors.json")
		ok(err)
		ok(json.Unmarshal(list, &every))
		holds(len(every) > 300, len(every))
		for _, each := range every {
			response, err := each.simulated()
			if each.Schema == "" {
				bare(each.Status, response, err)
				continue
			}
			model := problem[any](response, err)
			found := instance(model)
			same(found.Type().Name(), each.Schema)
			code, status := found.FieldByName("Code").String(), found.FieldByName("Status").Int()
			same([]any{response.StatusCode, code, status}, []any{each.Status, each.Code, int64(each.Status)})
			readsMore(model, err)
		}
	}},
	{"beyond_the_limit_is_429_and_later_not", func() {
		body := *candor.NewPasswordResetRequest("nobody@example.com")
		ask := func() (*candor.Acknowledgement, *http.Response, error) {
			return nobody.ForgottenPasswordsAPI.RequestPasswordReset(ctx).PasswordResetRequest(body).Execute()
		}
		_, response, err := ask()
		for count := 0; count < 200 && err == nil; count++ {
			_, response, err = ask()
		}
		refused := problem[candor.RateLimitExceeded](response, err)
		time.Sleep(time.Duration(*refused.RetryAfter) * time.Second)
		_, response, err = ask()
		ok(err)
		same(response.StatusCode, 202)
	}},
}

func main() {
	for _, step := range steps {
		step.do()
		fmt.Println(step.name)
	}
}
