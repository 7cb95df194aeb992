module github.com/{{owner}}/{{name}}

go 1.19
