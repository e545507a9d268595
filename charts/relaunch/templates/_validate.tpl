{{/* Everything that lacks is named at once, before anything is installed. */}}
{{- define "relaunch.validate" -}}
{{- $lacking := list -}}
{{- $kubernetes := default dict .Values.settings.kubernetes -}}
{{- range $value, $hint := dict
  "database" "secrets.database.existingSecret (or bundle.postgresql.enabled, to try it out)"
  "token" "secrets.token.existingSecret (or secrets.generate, to try it out)"
  "secretKey" "secrets.secretKey.existingSecret (or secrets.generate, to try it out)" -}}
{{- if not (include "relaunch.secret" (dict "root" $ "value" $value)) -}}
{{- $lacking = append $lacking $hint -}}
{{- end -}}
{{- end -}}
{{- range list "builder_image" "run_image" "target" -}}
{{- if not (index $kubernetes .) -}}
{{- $lacking = append $lacking (printf "settings.kubernetes.%s" .) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) (not .Values.settings.public_url) -}}
{{- $lacking = append $lacking "ingress.host or settings.public_url" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- $lacking = append $lacking "httpRoute.parentRefs" -}}
{{- end -}}
{{- if .Values.consumers.keda.enabled -}}
{{- if not (include "relaunch.secret" (dict "root" . "value" "bus")) -}}
{{- $lacking = append $lacking "secrets.bus.existingSecret, for consumers.keda" -}}
{{- end -}}
{{- if .Values.consumers.autoscaling.enabled -}}
{{- fail "consumers.keda and consumers.autoscaling exclude each other" -}}
{{- end -}}
{{- end -}}
{{- if $lacking -}}
{{- fail (printf "\n\nThese values have to be set:\n  - %s\n\ndocs/chart.md shows how." (join "\n  - " $lacking)) -}}
{{- end -}}
{{- end -}}
