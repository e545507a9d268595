{{/* Every object is named after the release and its part: `relaunch-receivers`. */}}

{{- define "relaunch.labels" -}}
{{ include "relaunch.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What selects pods never changes: a Deployment's selector cannot. */}}
{{- define "relaunch.selector" -}}
app.kubernetes.io/name: relaunch
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .part }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "relaunch.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ printf "%s@%s" $image.repository $image.digest }}
{{- else -}}
{{ printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) }}
{{- end -}}
{{- end -}}

{{- define "relaunch.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The Pod Security Standard "restricted", with a root file system nobody writes to. */}}
{{- define "relaunch.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
{{- end -}}

{{/* Which Secret and key a value of `secrets` is read from: an existing one, one of the
bundle, or one that was made for trying out. Empty when there is none. */}}
{{- define "relaunch.secret" -}}
{{- $given := index .root.Values.secrets .value -}}
{{- $own := "" -}}
{{- if and (eq .value "database") .root.Values.bundle.postgresql.enabled -}}
{{- $own = "postgresql" -}}
{{- else if and (eq .value "bus") .root.Values.bundle.rabbitmq.enabled -}}
{{- $own = "rabbitmq" -}}
{{- else if and .root.Values.secrets.generate (has .value (list "token" "secretKey")) -}}
{{- $own = "generated" -}}
{{- end -}}
{{- if $given.existingSecret -}}
{{ dict "name" $given.existingSecret "key" $given.key | toJson }}
{{- else if $own -}}
{{ dict "name" (printf "%s-%s" .root.Release.Name $own) "key" (ternary (kebabcase .value) "url" (eq $own "generated")) | toJson }}
{{- end -}}
{{- end -}}

{{/* A key of a Secret of ours that is there already stays what it is. */}}
{{- define "relaunch.kept" -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace .name -}}
{{- $data := default dict $found.data -}}
{{- if hasKey $data .key -}}
{{ index $data .key | b64dec }}
{{- else -}}
{{ .otherwise }}
{{- end -}}
{{- end -}}

{{/* The host that forges use. */}}
{{- define "relaunch.publicHost" -}}
{{- $url := default "" .Values.settings.public_url -}}
{{- if $url -}}{{ (urlParse $url).hostname }}{{- end -}}
{{- end -}}

{{/* Whether the database is a pod of the bundle: it is not there before the release, and
Helm runs hooks after it only when pods are ready. So pods migrate before they start. */}}
{{- define "relaunch.migratesInPods" -}}
{{- if and .Values.migration.enabled .Values.bundle.postgresql.enabled (not .Values.secrets.database.existingSecret) -}}
true
{{- end -}}
{{- end -}}

{{/* What the page's paths begin with, beside `/` itself. One by one: a prefix of `/` would
lead to health and metrics, too. */}}
{{- define "relaunch.pagePaths" -}}
{{ list "/builds" "/create" "/deliveries" "/hooks" "/launchers" "/live" "/operation" "/projects" "/sign-in" "/sign-out" "/static" "/why" | toJson }}
{{- end -}}
