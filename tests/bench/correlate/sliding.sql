WITH counted AS (
  SELECT a.event_id,
         sum(CASE WHEN v.kind = 'POST_VOID' AND v.operator_id = a.operator_id THEN 1 ELSE 0 END) AS voids,
         sum(CASE WHEN v.kind = 'SALE' AND v.operator_id = a.operator_id THEN 1 ELSE 0 END) AS sales,
         sum(CASE WHEN v.kind = 'POST_VOID' AND v.operator_id <> a.operator_id THEN 1 ELSE 0 END) AS other_voids,
         sum(CASE WHEN v.kind = 'SALE' AND v.operator_id <> a.operator_id THEN 1 ELSE 0 END) AS other_sales
  FROM anchor a
  JOIN pos v ON v.tenant_id = a.tenant_id AND v.store_id = a.store_id AND v.kind IN ('POST_VOID', 'SALE')
            AND v.event_us >= a.event_us - {us} AND v.event_us <= a.event_us
  GROUP BY a.event_id
)
SELECT c.event_id AS anchor_id, 'fired' AS outcome, 'more_than_others' AS why
FROM counted c
WHERE c.voids > 3 AND c.voids * c.other_sales > 3 * c.other_voids * c.sales
