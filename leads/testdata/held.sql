SELECT arraySort(groupUniqArray(1000)(track))
FROM lead_state;
