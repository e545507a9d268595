{{/* One rule of egress: addresses and ports of a `Destination`. Takes `rule`. */}}
{{- define "relaunch.egress" -}}
{{- $protocols := default (list "TCP") .protocols -}}
{{- $fields := dict -}}
{{- with .rule.to -}}
{{- $_ := set $fields "to" . -}}
{{- end -}}
{{- $ports := list -}}
{{- range $port := .rule.ports -}}
{{- range $protocol := $protocols -}}
{{- $ports = append $ports (dict "protocol" $protocol "port" $port) -}}
{{- end -}}
{{- end -}}
{{- with $ports -}}
{{- $_ := set $fields "ports" . -}}
{{- end -}}
{{- toYaml (list $fields) -}}
{{- end -}}
